// The executor side of the stream interface: one request to an executor and its answer, whatever carries them.
package import Transport

/// Why an attempt at an executor failed below HTTP.
package enum ExecutorFailure: Error, Sendable {
    /// No connection: refused, unreachable, no such socket.
    case unreachable(SystemError)
    /// No connection within the connect deadline.
    case connectTimeout
    /// The connection ended before the whole response head had come.
    case closedBeforeHead
    /// The connection ended, or was reset, inside the response.
    case closedInResponse
    /// The answer broke the rules of HTTP.
    case violation(HTTP1Error)
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
    /// The executor may be read, or may not: then it feels it by TCP.
    func setReading(_ reading: Bool)
    /// How many bytes may be read at once.
    func setReadLimit(_ bytes: Int)
    /// Ends the attempt now: the executor's connection closes with it.
    func cancel()
}
