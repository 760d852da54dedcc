// The executor side of the stream interface: one request to an executor and its answer, whatever carries them.
package import Transport

/// Why an attempt at an executor failed below the meaning of its answer.
package enum ExecutorFailure: Error, Sendable {
    /// No connection: refused, unreachable, no such socket.
    case unreachable(SystemError)
    /// The name of the executor's host has no address (yet).
    case unresolved
    /// No connection, or no handshake on it, within the connect deadline.
    case connectTimeout
    /// The TLS handshake failed: nothing of the request was sent.
    ///
    /// `verification` says that the executor's certificate is not to be trusted, and why.
    case tls(TLSError)
    /// It speaks no HTTP/2, and nothing else is wanted of it: nothing of the request was sent.
    case noHTTP2
    /// It has not looked at the request: RST_STREAM(REFUSED_STREAM), again and again (RFC 9113 section 8.7).
    case refused
    /// The connection, or the stream, ended before the whole response head had come.
    case closedBeforeHead
    /// The connection, or the stream, ended or was reset inside the response.
    case closedInResponse
    /// The answer broke the rules of HTTP: which, in a few words that hold nothing of its bytes.
    case violation(String)
}

/// The body of a request to an executor; an attempt may read it more than once.
package protocol RequestBodySource: AnyObject {
    var length: Int { get }
    /// Appends up to `limit` bytes from `offset` on.
    func append(from offset: Int, upTo limit: Int, to scratch: Scratch)
}

package struct ExecutorRequest {
    package var method: Method
    package var target: [UInt8]
    package var host: [UInt8]
    package var fields: FieldBlock
    package var body: (any RequestBodySource)?

    package init(method: Method, target: [UInt8], host: [UInt8], fields: FieldBlock, body: (any RequestBodySource)?) {
        self.method = method
        self.target = target
        self.host = host
        self.fields = fields
        self.body = body
    }
}

/// What hears of an attempt.
///
/// After `attemptFailed` or `responseEnded` no call follows, nor after a `cancel`.
package protocol ExecutorStreamHandler: AnyObject {
    /// The whole request has been handed to the kernel.
    func requestSent()
    func responseHead(_ head: ResponseHead, body: ResponseBody)
    func responseBody(_ bytes: Span<UInt8>)
    /// The answer is whole, as far as its framing goes.
    func responseEnded()
    func attemptFailed(_ failure: ExecutorFailure)
}

/// One attempt's request and answer.
///
/// Confined to its worker.
package protocol ExecutorStream: AnyObject {
    /// The executor may be read, or may not: then it feels it, by TCP or by the stream's window.
    func setReading(_ reading: Bool)
    /// How many bytes may come at once: of a read on HTTP/1.1, of the stream's window on HTTP/2.
    func setReadLimit(_ bytes: Int)
    /// Ends the attempt now: by a reset of its stream on HTTP/2, else with its connection.
    func cancel()
}
