// Tells HTTP/2 by prior knowledge from HTTP/1 by a cleartext connection's first bytes. The listener's side uses it once a
// connection.

package enum HTTP2Preface {
    package enum Verdict: Equatable, Sendable {
        case http2, http1
        /// Everything so far is a beginning of the preface.
        case undecided
    }

    package static let bytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// Looks at all that the connection has sent so far; consumes nothing.
    package static func detect(_ received: Span<UInt8>) -> Verdict {
        let preface = bytes
        for index in 0..<min(received.count, preface.count) where received[index] != preface[index] { return .http1 }
        return received.count < preface.count ? .undecided : .http2
    }
}
