// The head of a request, in the same form for HTTP/1.1 and HTTP/2.

/// The HTTP version of a message.
package enum HTTPVersion: Sendable { case http10, http11, http2 }

/// The length of the body that follows a request head.
package enum BodyLength: Equatable, Sendable {
    case none
    /// The body has exactly this many bytes (`content-length`).
    case known(Int)
    /// The framing marks the end of the body: the last chunk, or END_STREAM on HTTP/2.
    case unknown
}

/// The head of a request, in the same form for HTTP/1.1 and HTTP/2.
///
/// The type is a class so that a copy increments only one reference count. A copy of a struct with these properties
/// would increment five.
package final class RequestHead: Sendable {
    /// The request method, such as GET or POST.
    package let method: Method
    /// The request target: path and query, or `*`, without any normalization.
    package let target: [UInt8]
    /// The value of `:authority` or `host` as it was received; empty for an HTTP/1.0 request without a host.
    package let authority: [UInt8]
    /// The HTTP version of the request.
    package let version: HTTPVersion
    /// All header fields, without the pseudo-header fields of HTTP/2.
    package let fields: FieldBlock
    /// The length of the body that follows.
    package let body: BodyLength
    /// Whether the connection may carry another request after this request; used for HTTP/1 only.
    package let keepAlive: Bool
    /// Whether the client waits for 100 (Continue) before it sends the body.
    package let expectsContinue: Bool

    /// Makes a head from its parts.
    package init(
        method: Method,
        target: [UInt8],
        authority: [UInt8],
        version: HTTPVersion,
        fields: FieldBlock,
        body: BodyLength,
        keepAlive: Bool = true,
        expectsContinue: Bool = false
    ) {
        self.method = method
        self.target = target
        self.authority = authority
        self.version = version
        self.fields = fields
        self.body = body
        self.keepAlive = keepAlive
        self.expectsContinue = expectsContinue
    }

    /// The memory that the head occupies, in bytes.
    package var footprint: Int { target.capacity + authority.capacity + fields.footprint }

    /// A copy of the head with the version HTTP/2.
    ///
    /// When a client asks for HTTP/2 by an `upgrade` field in an HTTP/1.1 request, this request becomes stream 1.
    func upgraded() -> RequestHead {
        RequestHead(
            method: method,
            target: target,
            authority: authority,
            version: .http2,
            fields: fields,
            body: body,
            keepAlive: keepAlive,
            expectsContinue: expectsContinue
        )
    }
}
