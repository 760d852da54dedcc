// The stream interface on the side of executors: one request and its response, whichever HTTP version carries them.
package import Transport

/// Why an attempt failed in the transport or in HTTP, whatever its response would have meant.
package enum ExecutorFailure: Error, Sendable {
    /// There is no connection: it was refused, the address is unreachable, or the socket does not exist.
    case unreachable(SystemError)
    /// The host name of the executor has no address, or none yet.
    case unresolved
    /// There was no connection, or no handshake on it, within the connect timeout.
    case connectTimeout
    /// The TLS handshake failed, before anything of the request was sent.
    ///
    /// The kind `verification` says that the executor's certificate is not trusted, and why.
    case tls(TLSError)
    /// The executor does not speak HTTP/2, which is demanded of it; nothing of the request was sent.
    case noHTTP2
    /// The executor has refused the request again and again without looking at it: RST_STREAM(REFUSED_STREAM), RFC 9113
    /// section 8.7.
    case refused
    /// The connection or the stream ended before the response head had arrived whole.
    case closedBeforeHead
    /// The connection or the stream ended inside the response.
    case closedInResponse
    /// The response broke the rules of HTTP. The text says how, and holds none of the response's bytes.
    case violation(String)
}

/// The body of a request to an executor.
///
/// An attempt may read it more than once, since a request may be sent again.
package protocol RequestBodySource: AnyObject {
    /// The length in bytes; it does not change.
    var length: Int { get }
    /// Appends up to `limit` bytes from `offset` on to `scratch`.
    func append(from offset: Int, upTo limit: Int, to scratch: Scratch)
}

/// A request to an executor.
package struct ExecutorRequest {
    /// The method.
    package var method: Method
    /// Path and query.
    package var target: [UInt8]
    /// The value of `host` or `:authority`.
    package var host: [UInt8]
    /// The fields; `host`, `content-length` and hop-by-hop fields among them are not sent.
    package var fields: FieldBlock
    /// Nil for a request without a body.
    package var body: (any RequestBodySource)?

    /// Makes a request from its parts.
    package init(method: Method, target: [UInt8], host: [UInt8], fields: FieldBlock, body: (any RequestBodySource)?) {
        self.method = method
        self.target = target
        self.host = host
        self.fields = fields
        self.body = body
    }
}

/// Receives the response of an attempt.
///
/// Every call comes on the worker's thread. No call follows after `attemptFailed` or `responseEnded`, nor after
/// `cancel`.
package protocol ExecutorStreamHandler: AnyObject {
    /// The kernel has taken the whole request.
    func requestSent()
    /// The final response head has arrived; interim heads are dropped.
    func responseHead(_ head: ResponseHead, body: ResponseBody)
    /// Bytes of the response body have arrived; they are valid during the call.
    func responseBody(_ bytes: Span<UInt8>)
    /// The response is complete according to its framing.
    func responseEnded()
    /// The attempt has failed, before or inside the response.
    func attemptFailed(_ failure: ExecutorFailure)
}

/// The handle of one attempt.
///
/// Confined to its worker.
package protocol ExecutorStream: AnyObject {
    /// Pauses reading or resumes it; a pause slows the executor down by TCP or by the stream's window.
    func setReading(_ reading: Bool)
    /// Sets how many bytes may arrive at once: by one read on HTTP/1.1, by the stream's window on HTTP/2.
    func setReadLimit(_ bytes: Int)
    /// Ends the attempt now: on HTTP/2 by a reset of its stream, on HTTP/1.1 with its connection.
    func cancel()
}
