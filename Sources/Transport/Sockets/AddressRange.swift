// A range of IP addresses in CIDR notation (RFC 4632, RFC 4291 section 2.3): `10.0.0.0/8`, `2001:db8::/32`.
internal import CLinux
internal import Glibc

/// A range of IPv4 or IPv6 addresses that have the same first bits.
///
/// An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) counts as the IPv4 address, because the kernel reports IPv4 peers of
/// dual-stack sockets in that form.
package struct AddressRange: Sendable, Hashable {
    /// The reason why a text is not a valid range, in words for the operator.
    package struct Problem: Error, Equatable, CustomStringConvertible, Sendable {
        package let description: String
    }

    /// The first address of the range, 4 or 16 bytes in network order.
    private let first: [UInt8]
    /// How many first bits the addresses of the range have in common.
    private let prefix: Int

    /// Parses `ADDRESS/BITS`, or a single address, which makes a range of one address.
    ///
    /// - Throws: the reason why the text is invalid. If bits after the prefix are set, the error suggests a valid
    ///   range.
    package init(parsing text: String) throws(Problem) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let parsed = Self.bytes(String(parts[0])) else {
            throw Problem(description: "expected an IP address or a range such as 10.0.0.0/8 or fd00::/8")
        }
        var (bytes, bits) = (parsed, parsed.count * 8)
        if parts.count > 1 {
            let digits = parts[1].utf8
            guard (1...3).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
                let written = Int(parts[1]), written <= bits
            else { throw Problem(description: "expected a number from 0 to \(bits) after the slash") }
            bits = written
        }
        // The prefix of an IPv4-mapped range counts the bits of the IPv6 address, so 96 bits are subtracted.
        if let mapped = Self.mapped(bytes), bits >= 96 { (bytes, bits) = (mapped, bits - 96) }
        let start = Self.start(of: bytes, bits)
        guard start == bytes else {
            let meant = "\(Self.text(start))/\(bits)"
            throw Problem(description: "has bits set behind the first \(bits): write \(meant)")
        }
        (first, prefix) = (bytes, bits)
    }

    /// Whether the address of a peer is in the range; false for unix sockets.
    package func contains(_ address: SocketAddress) -> Bool {
        guard let bytes = address.ipBytes else { return false }
        let plain = Self.mapped(bytes) ?? bytes
        return plain.count == first.count && Self.start(of: plain, prefix) == first
    }

    // MARK: Bytes

    /// The first address of a range: keeps the first `bits` bits of the address, and clears the rest.
    private static func start(of bytes: [UInt8], _ bits: Int) -> [UInt8] {
        bytes.enumerated().map { index, byte in
            let kept = min(8, max(0, bits - index * 8))
            return kept == 8 ? byte : byte & ~(0xFF >> UInt8(kept))
        }
    }

    /// Extracts the IPv4 address from an IPv4-mapped IPv6 address; nil for any other address.
    private static func mapped(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count == 16, bytes[..<12] == Array(repeating: 0, count: 10) + [0xFF, 0xFF] else { return nil }
        return Array(bytes[12...])
    }

    /// Parses a numeric IP address without brackets to 4 or 16 bytes; nil if the text is not such an address.
    private static func bytes(_ text: String) -> [UInt8]? {
        guard !text.utf8.contains(0) else { return nil }
        let isV6 = text.contains(":")
        var bytes = [UInt8](repeating: 0, count: isV6 ? 16 : 4)
        let isTaken = unsafe bytes.withUnsafeMutableBytes {
            unsafe inet_pton(isV6 ? AF_INET6 : AF_INET, text, $0.baseAddress)
        }
        return isTaken == 1 ? bytes : nil
    }

    private static func text(_ bytes: [UInt8]) -> String {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
            unsafe text.initialize(repeating: 0)
            unsafe bytes.withUnsafeBytes {
                _ = unsafe inet_ntop(bytes.count == 16 ? AF_INET6 : AF_INET, $0.baseAddress, text.baseAddress!, 64)
            }
            return unsafe String(cString: text.baseAddress!)
        }
    }
}

extension AddressRange: CustomStringConvertible {
    /// The range in CIDR notation, as in the configuration.
    package var description: String { "\(Self.text(first))/\(prefix)" }
}

extension SocketAddress {
    /// The 4 or 16 bytes of the IP address in network order; nil for a unix socket.
    var ipBytes: [UInt8]? {
        let range: Range<Int>
        switch family {
        case AF_INET:
            let offset = MemoryLayout<sockaddr_in>.offset(of: \sockaddr_in.sin_addr)!
            range = offset..<offset + 4
        case AF_INET6:
            let offset = MemoryLayout<sockaddr_in6>.offset(of: \sockaddr_in6.sin6_addr)!
            range = offset..<offset + 16
        default: return nil
        }
        var copy = storage
        return unsafe withUnsafeBytes(of: &copy) { unsafe Array($0[range]) }
    }
}
