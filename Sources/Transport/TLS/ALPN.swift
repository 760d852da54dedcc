// Application protocols that a TLS handshake can agree on (RFC 7301).

/// The protocol that the handshake agreed on.
package enum ALPN: Equatable, Sendable {
    case h2, http11
    /// No protocol was offered or chosen; by convention HTTP/1.1 is then spoken.
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
