// The head of a request, the same for HTTP/1.1 and HTTP/2.

package enum HTTPVersion: Sendable { case http10, http11, http2 }

/// How much body follows a request head.
package enum BodyLength: Equatable, Sendable {
    case none
    /// Exactly so many bytes (`content-length`).
    case known(Int)
    /// Until the framing ends it: chunked, or END_STREAM on HTTP/2.
    case unknown
}

/// A class, since it is handed from floor to floor: to copy it is to count one reference, not five.
package final class RequestHead: Sendable {
    package let method: Method
    /// The request target in origin form (path and query), or `*`; never normalised.
    package let target: [UInt8]
    /// `:authority` or `host`, as it came.
    package let authority: [UInt8]
    package let version: HTTPVersion
    package let fields: FieldBlock
    package let body: BodyLength
    /// HTTP/1.1 only: the connection may carry another request after this one.
    package let keepAlive: Bool
    /// HTTP/1.1 only: the client waits for 100 (Continue) before it sends the body.
    package let expectsContinue: Bool

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

    /// What the head takes of memory, in bytes.
    package var footprint: Int { target.capacity + authority.capacity + fields.footprint }

    /// The same request, on a stream of HTTP/2.
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
