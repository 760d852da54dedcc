// The binary header of the PROXY protocol, version 2 (HAProxy's doc/proxy-protocol.txt, section 2.2).

/// Functions that read a header of version 2.
enum ProxyHeaderV2 {
    /// The twelve bytes that every header of version 2 begins with.
    static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
    /// The length of the part before the addresses, in bytes: signature, version and command, family, length.
    static let fixedLength = 16

    private static let crc32cType: UInt8 = 0x03

    /// Reads a header whose signature has been checked.
    ///
    /// - Parameter bytes: at least `fixedLength` bytes from the beginning of the connection.
    static func read(_ bytes: Span<UInt8>) -> ProxyHeader.Reading {
        guard bytes[12] >> 4 == 2 else { return .invalid("a version that is not 2") }
        guard let command = Command(rawValue: bytes[12] & 0x0F) else { return .invalid("an unknown command") }
        let length = fixedLength + Int(bytes[14]) << 8 + Int(bytes[15])
        guard length <= ProxyHeader.bytesMax else { return .invalid("a header of more than 4096 bytes") }
        guard bytes.count >= length else { return .incomplete }
        // With the command `LOCAL`, the rest of the header is skipped, whatever it contains (section 2.2).
        guard command == .proxy else { return .header(ProxyHeader(client: nil, length: length)) }
        let header = bytes.extracting(0..<length)
        let family = bytes[13] >> 4
        guard let addressLength = addressLength(family: family, fits: length - fixedLength) else {
            return .invalid("a length that does not hold the addresses")
        }
        // For `AF_UNSPEC` and for unknown address families, the rest of the header is skipped without a check.
        guard addressLength == 0 || hasValidTLVs(header, from: fixedLength + addressLength) else {
            return .invalid("a TLV that does not fit, or a checksum that is wrong")
        }
        // The addresses are used only if the transport protocol is a stream or a datagram protocol.
        let isKnown = (1...2).contains(bytes[13] & 0x0F)
        return .header(ProxyHeader(client: isKnown ? client(header, family: family) : nil, length: length))
    }

    private enum Command: UInt8 { case local, proxy }

    /// The length of both addresses and ports in bytes; nil if the header is too short for them.
    ///
    /// The length is 0 for `AF_UNSPEC` and for unknown address families.
    ///
    /// - Parameter available: the length of the header after its first `fixedLength` bytes.
    private static func addressLength(family: UInt8, fits available: Int) -> Int? {
        let length: Int
        switch family {
        case 1: length = 12
        case 2: length = 36
        case 3: length = 216
        default: return 0
        }
        return length <= available ? length : nil
    }

    private static func client(_ header: Span<UInt8>, family: UInt8) -> SocketAddress? {
        let count: Int
        switch family {
        case 1: count = 4
        case 2: count = 16
        default: return nil
        }
        let bytes = (fixedLength..<fixedLength + count).map { header[$0] }
        let ports = fixedLength + 2 * count
        let port = UInt16(header[ports]) << 8 | UInt16(header[ports + 1])
        return IPAddress(bytes: bytes).map { SocketAddress($0, port: port) }
    }

    /// Whether the TLVs (type, length, value) fill the rest of the header exactly, and the checksum, if any, is right.
    ///
    /// The checksum is the CRC-32C of the whole header; the four bytes of the checksum itself count as zero (section
    /// 2.2.4).
    private static func hasValidTLVs(_ header: Span<UInt8>, from start: Int) -> Bool {
        var index = start
        var checksum: Int?
        while index < header.count {
            guard header.count - index >= 3 else { return false }
            let length = Int(header[index + 1]) << 8 | Int(header[index + 2])
            guard length <= header.count - index - 3 else { return false }
            if header[index] == crc32cType {
                guard length == 4, checksum == nil else { return false }
                checksum = index + 3
            }
            index += 3 + length
        }
        guard let checksum else { return true }
        let told = (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(header[checksum + $1]) }
        return CRC32C.of(header, zeroing: checksum..<checksum + 4) == told
    }
}

/// The checksum CRC-32C (Castagnoli; RFC 3720 appendix B.4).
enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
    }

    /// The checksum of `bytes`; the bytes in `range` count as zero.
    static func of(_ bytes: Span<UInt8>, zeroing range: Range<Int> = 0..<0) -> UInt32 {
        var value = UInt32.max
        for index in bytes.indices {
            let byte = range.contains(index) ? 0 : bytes[index]
            value = value >> 8 ^ table[Int((value ^ UInt32(byte)) & 0xFF)]
        }
        return ~value
    }
}
