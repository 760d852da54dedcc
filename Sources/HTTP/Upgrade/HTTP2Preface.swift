// The connection preface of HTTP/2 (RFC 9113 section 3.4). It distinguishes HTTP/2 from HTTP/1 on a connection without
// TLS.

/// Recognizes clients that begin with HTTP/2 without negotiation (prior knowledge).
package enum HTTP2Preface {
    /// Which protocol the first bytes of a connection belong to.
    package enum Verdict: Equatable, Sendable {
        case http2, http1
        /// All bytes so far match the preface, which is not complete yet.
        case undecided
    }

    /// The preface, 24 bytes.
    package static let bytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// Classifies all bytes that the client has sent so far, without consuming them.
    package static func detect(_ received: Span<UInt8>) -> Verdict {
        let preface = bytes
        for index in 0..<min(received.count, preface.count) where received[index] != preface[index] { return .http1 }
        return received.count < preface.count ? .undecided : .http2
    }
}
