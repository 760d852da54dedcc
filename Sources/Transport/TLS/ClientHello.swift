// Looks into a ClientHello that OpenSSL has not read yet, to tell resumptions from full handshakes.

/// Reads the ClientHello in the first bytes of a TLS connection, without processing it.
package enum ClientHello {
    /// The extension `session_ticket` (RFC 5077 section 3.2).
    private static let sessionTicket = 35
    /// The extension `pre_shared_key` (RFC 8446 section 4.2.11), which is always the last extension.
    private static let preSharedKey = 41

    /// Whether the bytes begin with a ClientHello that offers to resume a session.
    ///
    /// Whether the session is valid shows only when the handshake is performed. A ClientHello in several records, or
    /// whose bytes have not all arrived, may be taken for one that offers nothing.
    package static func offersResumption(_ bytes: Span<UInt8>) -> Bool {
        // A record of the type `handshake`, and in it a message of the type `client_hello`.
        guard bytes.count > 5, bytes[0] == ClearText.handshakeRecord, bytes[5] == 1 else { return false }
        // The record's header has 5 bytes, the message's 4; then follow the version with 2 and the random with 32.
        var at = 43
        // Skips the session id, the cipher suites and the compression methods; each of them follows its length.
        for width in [1, 2, 1] {
            guard let length = number(bytes, at: at, width) else { return false }
            at += width + length
        }
        // Skips the length of all extensions together.
        at += 2
        while let type = number(bytes, at: at, 2), let length = number(bytes, at: at + 2, 2) {
            if type == preSharedKey || type == sessionTicket && length > 0 { return true }
            at += 4 + length
        }
        return false
    }

    /// A number of `width` bytes in network order; nil if it is not within the bytes.
    private static func number(_ bytes: Span<UInt8>, at index: Int, _ width: Int) -> Int? {
        guard index + width <= bytes.count else { return nil }
        return (index..<index + width).reduce(0) { $0 << 8 | Int(bytes[$1]) }
    }
}
