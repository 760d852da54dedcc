// The stream interface to executors: one request and its response, independent of the HTTP version.
package import Transport

/// Why an attempt failed: in the network, in TLS or in the HTTP protocol.
///
/// A response that arrives whole and reports an error, for example by its status, is not a failure in this sense.
package enum ExecutorFailure: Error, Sendable {
    /// The connection could not be opened: it was refused, the address is unreachable, or the unix socket does not
    /// exist.
    case unreachable(SystemError)
    /// The host name of the executor has no address, or it is not resolved yet.
    case unresolved
    /// The connect timeout passed before the TCP connection and its TLS handshake were complete, or before the SETTINGS
    /// of HTTP/2 arrived on the new connection.
    case connectTimeout
    /// The TLS handshake failed.
    ///
    /// Nothing of the request was sent.
    ///
    /// If the kind of the error is `verification`, the executor's certificate is not trusted, and the error gives the
    /// reason.
    case tls(TLSError)
    /// The configuration demands HTTP/2, but the executor does not speak HTTP/2.
    ///
    /// Nothing of the request was sent.
    case noHTTP2
    /// The executor has refused the request repeatedly without processing it (REFUSED_STREAM, RFC 9113 section 8.7).
    case refused
    /// The connection or the stream ended before the response head had arrived whole.
    case closedBeforeHead
    /// The connection or the stream ended after the response head and before the end of the response.
    case closedInResponse
    /// The response broke the rules of HTTP.
    ///
    /// The text describes the violation, and contains no bytes of the response.
    case violation(String)
}

/// The body of a request to an executor.
///
/// An attempt may read the body more than once, because a request may be sent again.
package protocol RequestBodySource: AnyObject {
    /// The length of the body in bytes, which never changes.
    var length: Int { get }
    /// Appends at most `limit` bytes of the body, starting at `offset`, to `scratch`.
    func append(from offset: Int, upTo limit: Int, to scratch: Scratch)
}

/// A request to an executor.
package struct ExecutorRequest {
    /// The method.
    package var method: Method
    /// The path and query of the request target.
    package var target: [UInt8]
    /// The value of `host` or `:authority`.
    package var host: [UInt8]
    /// The header fields.
    ///
    /// `host`, `content-length` and hop-by-hop fields are not sent, even if they are included.
    package var fields: FieldBlock
    /// The body; nil for a request without a body.
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

/// Receives the response of an attempt (one try to get a response from an executor).
///
/// Every call comes on the worker's thread. The last call is `attemptFailed` or `responseEnded`. No call follows after
/// `ExecutorStream.cancel`.
package protocol ExecutorStreamHandler: AnyObject {
    /// The kernel has taken the whole request.
    func requestSent()
    /// The final response head has arrived.
    ///
    /// Interim heads are dropped.
    func responseHead(_ head: ResponseHead, body: ResponseBody)
    /// Bytes of the response body have arrived.
    ///
    /// The bytes are valid only during the call.
    func responseBody(_ bytes: Span<UInt8>)
    /// The response is complete according to its framing.
    func responseEnded()
    /// The attempt has failed, before or during the response.
    func attemptFailed(_ failure: ExecutorFailure)
}

/// A handle for one attempt at an executor.
///
/// A stream is used only by its worker thread.
package protocol ExecutorStream: AnyObject {
    /// Pauses or resumes reading.
    ///
    /// A pause slows the executor down, by TCP flow control on HTTP/1.1, and by the flow-control window of the stream
    /// on HTTP/2.
    func setReading(_ reading: Bool)
    /// Sets how many bytes may arrive at once.
    ///
    /// On HTTP/1.1, the number limits each read from the socket. On HTTP/2, it is the flow-control window of the
    /// stream.
    func setReadLimit(_ bytes: Int)
    /// Ends the attempt now.
    ///
    /// HTTP/2 resets the stream, and HTTP/1.1 closes the connection.
    func cancel()
}
