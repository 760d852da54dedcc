// Headers of the PROXY protocol: complete ones, headers that are cut at every byte, and invalid ones.
import Testing

@testable import Transport

@Suite struct ProxyHeaderTests {
    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]

    private static func binary(_ command: UInt8, _ family: UInt8, _ rest: [UInt8], length: Int? = nil) -> [UInt8] {
        let length = length ?? rest.count
        return signature + [command, family, UInt8(length >> 8), UInt8(length & 0xFF)] + rest
    }
    private static let v4: [UInt8] = [1, 2, 3, 4, 10, 0, 0, 1, 0x30, 0x39, 1, 187]
    private static let v6: [UInt8] =
        [0x20, 1, 0xd, 0xb8] + Array(repeating: 0, count: 11) + [7]
        + Array(repeating: 9, count: 16) + [0x30, 0x39, 1, 187]

    private func client(_ text: String, _ port: UInt16) -> SocketAddress {
        SocketAddress(IPAddress(parsing: text)!, port: port)
    }
    private func isInvalid(_ bytes: [UInt8]) -> Bool {
        if case .invalid = ProxyHeader.read(bytes.span) { return true }
        return false
    }

    /// Reads a header that is cut at every byte, and then followed by other bytes; returns its client.
    private func read(_ bytes: [UInt8]) throws -> SocketAddress? {
        for count in 0..<bytes.count {
            #expect(ProxyHeader.read(Array(bytes.prefix(count)).span) == .incomplete, "cut at \(count)")
        }
        guard case .header(let header) = ProxyHeader.read((bytes + Array("GET / ".utf8)).span) else {
            throw NoHeader()
        }
        #expect(header.length == bytes.count)
        return header.client
    }
    private struct NoHeader: Error {}

    @Test func linesAreRead() throws {
        let tcp4 = try read(Array("PROXY TCP4 1.2.3.4 10.0.0.1 12345 443\r\n".utf8))
        #expect(tcp4 == client("1.2.3.4", 12345))
        let tcp6 = try read(Array("PROXY TCP6 2001:db8::7 ::1 0 65535\r\n".utf8))
        #expect(tcp6 == client("2001:db8::7", 0))
        #expect(try read(Array("PROXY UNKNOWN\r\n".utf8)) == nil)
        #expect(try read(Array("PROXY UNKNOWN ::1 what ever\r\n".utf8)) == nil)
        let mapped = try read(Array("PROXY TCP6 ::ffff:1.2.3.4 ::1 1 2\r\n".utf8))
        #expect(mapped == client("1.2.3.4", 1))
    }

    @Test(arguments: [
        "PROXY TCP4 1.2.3.4 10.0.0.1 12345\r\n", "PROXY TCP4 1.2.3.4 10.0.0.1 012 443\r\n",
        "PROXY TCP4 1.2.3.4 10.0.0.1 65536 443\r\n", "PROXY TCP4 ::1 10.0.0.1 1 443\r\n",
        "PROXY TCP6 1.2.3.4 ::1 1 443\r\n", "PROXY TCP5 1.2.3.4 10.0.0.1 1 443\r\n",
        "PROXY  TCP4 1.2.3.4 10.0.0.1 1 2\r\n",
        "PROXY TCP4 1.2.3.4 10.0.0.1 1 2\n", "PROXY TCP4 1.2.3.4 10.0.0.1 1 2\r\r\n",
        "PROXY TCP4 1.2.3\0.4 10.0.0.1 1 2\r\n",
        "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", "PROXY TCP4 1.2.3.4 10.0.0.1 1 2 3\r\n",
        "PROXY tcp4 1.2.3.4 10.0.0.1 1 2\r\n",
        "PROXY TCP4 1.2.3.4 10.0.0.1 -1 2\r\n", "PROXY \r\n",
    ]) func linesThatLieAreRefused(_ text: String) { #expect(isInvalid(Array(text.utf8))) }

    @Test func aLineIsBounded() throws {
        let fits = "PROXY UNKNOWN " + String(repeating: "x", count: 91) + "\r\n"
        #expect(fits.utf8.count == 107)
        #expect(try read(Array(fits.utf8)) == nil)
        #expect(isInvalid(Array(("PROXY UNKNOWN " + String(repeating: "x", count: 92) + "\r\n").utf8)))
        #expect(isInvalid(Array(("PROXY " + String(repeating: "x", count: 65_536)).utf8)))
    }

    @Test(arguments: ["GET / HTTP/1.1\r\n", "PRI * HTTP/2.0", "\r\n\r\nGET", "P ROXY", "\u{16}\u{3}"])
    func otherBytesAreNoHeader(_ text: String) { #expect(isInvalid(Array(text.utf8))) }

    @Test func binaryHeadersAreRead() throws {
        for transport: UInt8 in [1, 2] {
            #expect(try read(Self.binary(0x21, 0x10 | transport, Self.v4)) == client("1.2.3.4", 12345))
            #expect(try read(Self.binary(0x21, 0x20 | transport, Self.v6)) == client("2001:db8::7", 12345))
        }
        let path = [UInt8](repeating: 65, count: 216)
        for bytes in [
            Self.binary(0x21, 0x31, path), Self.binary(0x20, 0, []), Self.binary(0x20, 0x11, Self.v4),
            Self.binary(0x21, 0, []), Self.binary(0x21, 0, [1, 2, 3]), Self.binary(0x21, 0x51, Self.v4),
            Self.binary(0x21, 0x13, Self.v4), Self.binary(0x20, 0x11, [1]),
        ] { #expect(try read(bytes) == nil) }
    }

    @Test func lengthsThatLieAreRefused() {
        #expect(isInvalid(Self.binary(0x21, 0x11, Array(Self.v4.dropLast()))))
        #expect(isInvalid(Self.binary(0x21, 0x21, Self.v4)))
        #expect(isInvalid(Self.binary(0x21, 0x31, Self.v6)))
        #expect(isInvalid(Self.binary(0x11, 0x11, Self.v4)))
        #expect(isInvalid(Self.binary(0x22, 0x11, Self.v4)))
        #expect(isInvalid(Self.binary(0x21, 0x11, [], length: 65_535)))
        #expect(isInvalid(Self.binary(0x20, 0, [], length: 4081)))
        for fields: [UInt8] in [[4], [4, 0], [4, 0, 2, 1], [4, 255, 255, 1], [4, 0, 0, 4, 0, 1]] {
            #expect(isInvalid(Self.binary(0x21, 0x11, Self.v4 + fields)), "\(fields)")
        }
    }

    @Test func additionalFieldsAreSkipped() throws {
        let fields: [UInt8] = [4, 0, 0, 1, 0, 2, 104, 50, 0x30, 0, 1, 9]
        #expect(try read(Self.binary(0x21, 0x11, Self.v4 + fields)) == client("1.2.3.4", 12345))
        let largest = [4, 15, 225] + [UInt8](repeating: 0, count: 4096 - 16 - 12 - 3)
        #expect(try read(Self.binary(0x21, 0x11, Self.v4 + largest)) == client("1.2.3.4", 12345))
    }

    @Test func theChecksumIsChecked() throws {
        #expect(CRC32C.of(Array("123456789".utf8).span) == 0xE306_9283)
        var bytes = Self.binary(0x21, 0x11, Self.v4 + [3, 0, 4, 0, 0, 0, 0])
        #expect(isInvalid(bytes))
        let sum = CRC32C.of(bytes.span)
        for index in 0..<4 { bytes[bytes.count - 4 + index] = UInt8(truncatingIfNeeded: sum >> UInt32(24 - 8 * index)) }
        #expect(try read(bytes) == client("1.2.3.4", 12345))
        for index in 16..<28 {
            var other = bytes
            other[index] ^= 1
            #expect(isInvalid(other), "byte \(index)")
        }
        #expect(isInvalid(Self.binary(0x21, 0x11, Self.v4 + [3, 0, 3, 0, 0, 0])))
        #expect(isInvalid(Self.binary(0x21, 0x11, Self.v4 + [3, 0, 4, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0])))
    }
}
