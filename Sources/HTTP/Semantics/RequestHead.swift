// The head of a request, the same for HTTP/1.1 and HTTP/2.

/// The version of HTTP that a message came in.
package enum HTTPVersion: Sendable { case http10, http11, http2 }

/// How much body follows a request head.
package enum BodyLength: Equatable, Sendable {
    case none
    /// Exactly this many bytes (`content-length`).
    case known(Int)
    /// Until the framing ends it: chunked, or END_STREAM on HTTP/2.
    case unknown
}

/// The head of a request, as both HTTP versions deliver it.
///
/// It is a class because modules pass it on: a copy then retains one reference instead of five.
package final class RequestHead: Sendable {
    /// The method.
    package let method: Method
    /// The request target: path and query, or `*`, without any normalisation.
    package let target: [UInt8]
    /// The value of `:authority` or `host` as it was received; empty if an HTTP/1.0 request has none.
    package let authority: [UInt8]
    /// The version that the request came in.
    package let version: HTTPVersion
    /// All fields, without the pseudo fields of HTTP/2.
    package let fields: FieldBlock
    /// How much body follows.
    package let body: BodyLength
    /// Whether the connection may carry another request after this one; HTTP/1 only.
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

    /// The same request as the first stream of HTTP/2, after an upgrade.
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
