// The header of the PROXY protocol, by which a TCP proxy names the client of a connection, in versions 1 and 2.
// The rules are those of HAProxy's doc/proxy-protocol.txt (2020/03/05), sections 2.1 and 2.2.

/// A header of the PROXY protocol.
package struct ProxyHeader: Sendable, Equatable {
    /// The address and port of the client; nil if the header names no client with an IP address.
    ///
    /// The header names no such client in two cases: the proxy opened the connection for itself (`LOCAL`), or the
    /// address family is `UNKNOWN`, `AF_UNSPEC`, `AF_UNIX` or one that the protocol does not define.
    package var client: SocketAddress?
    /// How many bytes the header has.
    package var length: Int

    /// The result of reading the first bytes of a connection.
    package enum Reading: Sendable, Equatable {
        /// The bytes are the beginning of a header; the rest has not arrived yet.
        case incomplete
        case header(ProxyHeader)
        /// The bytes are not a header, or the header breaks a rule; the text gives the reason.
        case invalid(StaticString)

        package static func == (one: Reading, other: Reading) -> Bool {
            switch (one, other) {
            case (.incomplete, .incomplete): true
            case (.header(let one), .header(let other)): one == other
            case (.invalid(let one), .invalid(let other)): one.description == other.description
            default: false
            }
        }
    }

    /// The largest header of version 2 of the PROXY protocol that is accepted, in bytes, with its TLVs.
    ///
    /// The protocol allows 65,551 bytes. The largest header that HAProxy can send has a few hundred bytes.
    package static let bytesMax = 4096
    /// The greatest length of a header of version 1 of the PROXY protocol, which is one line of text, in bytes.
    ///
    /// The length includes the line end (section 2.1).
    private static let lineMax = 107

    /// Reads the header at the beginning of a connection's bytes.
    ///
    /// Bytes after the header do not change the result. While bytes of the header are missing, the result is
    /// `.incomplete`, or `.invalid` if the bytes so far already break a rule.
    package static func read(_ bytes: Span<UInt8>) -> Reading {
        if isPrefix(bytes, of: ProxyHeaderV2.signature) {
            guard bytes.count >= ProxyHeaderV2.fixedLength else { return .incomplete }
            return ProxyHeaderV2.read(bytes)
        }
        guard isPrefix(bytes, of: lineStart) else { return .invalid("no PROXY header") }
        for index in 0..<min(bytes.count, lineMax) where bytes[index] == UInt8(ascii: "\n") {
            guard index > 0, bytes[index - 1] == UInt8(ascii: "\r") else { return .invalid("a line that ends in LF") }
            let line = (0..<index - 1).map { bytes[$0] }
            return readLine(line).map { .header(ProxyHeader(client: $0.client, length: index + 1)) }
                ?? .invalid("a malformed line")
        }
        return bytes.count < lineMax ? .incomplete : .invalid("a line of more than 107 bytes")
    }

    private static let lineStart = Array("PROXY ".utf8)

    /// Whether the bytes and the text are equal up to the end of the shorter of the two.
    private static func isPrefix(_ bytes: Span<UInt8>, of text: [UInt8]) -> Bool {
        for index in 0..<min(bytes.count, text.count) where bytes[index] != text[index] { return false }
        return true
    }

    /// A valid header of version 1 of the PROXY protocol, which is one line of text.
    private struct Line {
        var client: SocketAddress?
    }

    /// Parses a header of version 1 of the PROXY protocol, which is one line of text; nil if the line breaks a rule.
    private static func readLine(_ line: [UInt8]) -> Line? {
        let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard words.count > 1 else { return nil }
        // Whatever follows `UNKNOWN` is ignored (section 2.1).
        if words[1] == "UNKNOWN" { return Line(client: nil) }
        guard words.count == 6, words[1] == "TCP4" || words[1] == "TCP6" else { return nil }
        let isIPv6 = words[1] == "TCP6"
        guard words[2].contains(":") == isIPv6, words[3].contains(":") == isIPv6,
            let source = IPAddress(parsing: words[2]), IPAddress(parsing: words[3]) != nil,
            let port = portNumber(words[4]), portNumber(words[5]) != nil
        else { return nil }
        return Line(client: SocketAddress(source, port: port))
    }

    /// A port in decimal digits without leading zeros; nil for any other text.
    private static func portNumber(_ text: String) -> UInt16? {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy(\.isDigit), text == "0" || !text.hasPrefix("0")
        else { return nil }
        return UInt16(text)
    }
}
