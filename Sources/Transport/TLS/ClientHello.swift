// Examines a ClientHello (the first message of a TLS client) before OpenSSL reads it. A client that resumes a session
// costs less CPU time than one that needs a full handshake.

/// Examines the ClientHello in the first bytes of a TLS connection, without performing the handshake.
package enum ClientHello {
    /// The type number of the extension `session_ticket` (RFC 5077 section 3.2).
    private static let sessionTicket = 35
    /// The type number of the extension `pre_shared_key` (RFC 8446 section 4.2.11), which is always the last extension.
    private static let preSharedKey = 41

    /// Whether the bytes begin with a ClientHello that offers to resume a session.
    ///
    /// OpenSSL checks later whether the offered session is valid. The result may be wrongly false if the ClientHello
    /// spans several records, or if only a part of it has arrived.
    package static func offersResumption(_ bytes: Span<UInt8>) -> Bool {
        // The bytes must begin with a record of type `handshake` that contains a message of type `client_hello`.
        guard bytes.count > 5, bytes[0] == ClearText.handshakeRecord, bytes[5] == 1 else { return false }
        // Skips the record header (5 bytes), the message header (4), the version (2) and the random (32).
        var at = 43
        // Skips the session id, the cipher suites and the compression methods, each with the length before it.
        for width in [1, 2, 1] {
            guard let length = number(bytes, at: at, width) else { return false }
            at += width + length
        }
        // Skips the field with the total length of the extensions.
        at += 2
        while let type = number(bytes, at: at, 2), let length = number(bytes, at: at + 2, 2) {
            if type == preSharedKey || type == sessionTicket && length > 0 { return true }
            at += 4 + length
        }
        return false
    }

    /// Reads a number of `width` bytes in network order; nil if `bytes` ends before the end of the number.
    private static func number(_ bytes: Span<UInt8>, at index: Int, _ width: Int) -> Int? {
        guard index + width <= bytes.count else { return nil }
        return (index..<index + width).reduce(0) { $0 << 8 | Int(bytes[$1]) }
    }
}
