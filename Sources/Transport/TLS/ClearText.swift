// Detects a peer that sends plaintext where a TLS handshake should begin. The log then tells the operator which client,
// proxy or port is misconfigured.

/// The plaintext protocol of a peer that should speak TLS.
package enum ClearText: Equatable {
    /// An HTTP/1 request, or the connection preface of HTTP/2.
    case http
    /// A header of the PROXY protocol, version 1 or 2.
    case proxyHeader

    /// The first byte of a TLS handshake: the content type `handshake` (RFC 8446 section 5.1).
    package static let handshakeRecord: UInt8 = 22
    private static let proxyVersion1 = Array("PROXY ".utf8)
    private static let proxyVersion2: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
    /// The length of the longest registered HTTP method, UPDATEREDIRECTREF.
    private static let methodMax = 17

    /// Recognizes the protocol by the first bytes of a connection; nil for TLS and for any other protocol.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard let first = unsafe bytes.first, first != Self.handshakeRecord else { return nil }
        if unsafe Self.isProxyHeader(bytes) {
            self = .proxyHeader
        } else if unsafe Self.beginsRequest(bytes) {
            self = .http
        } else {
            return nil
        }
    }

    /// Whether the bytes begin with a header of the PROXY protocol.
    package static func isProxyHeader(_ bytes: UnsafeRawBufferPointer) -> Bool {
        unsafe bytes.starts(with: proxyVersion1) || bytes.starts(with: proxyVersion2)
    }

    /// Whether the bytes begin with an upper-case method, a space, and a byte with which a request target can begin.
    ///
    /// Empty lines before the method are skipped (RFC 9112 sections 2.2 and 3).
    private static func beginsRequest(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let line = unsafe bytes.drop { $0 == 13 || $0 == 10 }
        let method = unsafe line.prefix { $0 >= 65 && $0 <= 90 || $0 == 45 }
        guard unsafe (1...methodMax).contains(method.count), unsafe line.dropFirst(method.count).first == 32 else {
            return false
        }
        guard let target = unsafe line.dropFirst(method.count + 1).first else { return true }
        // A target begins with `/`, `*`, `[` (an IPv6 address), or a letter or digit (a host name or a URL).
        return target.isAlphanumeric || [47, 42, 91].contains(target)
    }
}
