// Application protocols that a TLS handshake can agree on (RFC 7301).

/// The protocol that the handshake agreed on.
package enum ALPN: Equatable, Sendable {
    case h2, http11
    /// Client and server agreed on no protocol; the connection then speaks HTTP/1.1.
    case none

    init(_ name: UnsafeBufferPointer<UInt8>) {
        if unsafe name.elementsEqual("h2".utf8) {
            self = .h2
        } else if unsafe name.elementsEqual("http/1.1".utf8) {
            self = .http11
        } else {
            self = .none
        }
    }
}
