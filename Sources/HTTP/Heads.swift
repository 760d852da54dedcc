// The heads of a request and of a response, the same for HTTP/1.1 and HTTP/2.
internal import Transport

package enum HTTPVersion: Sendable { case http10, http11, http2 }

package enum Method: Equatable, Sendable {
    case get, head, post, put, delete, options, connect, trace, patch
    case other(String)

    package init(_ bytes: Span<UInt8>) {
        // Of nearly all requests.
        self = bytes.equals("POST") ? .post : unsafe bytes.withUnsafeBufferPointer { unsafe Method($0) }
    }

    package init(_ bytes: some Collection<UInt8>) {
        let text = String(decoding: bytes, as: UTF8.self)
        switch text {
        case "GET": self = .get
        case "HEAD": self = .head
        case "POST": self = .post
        case "PUT": self = .put
        case "DELETE": self = .delete
        case "OPTIONS": self = .options
        case "CONNECT": self = .connect
        case "TRACE": self = .trace
        case "PATCH": self = .patch
        default: self = .other(text)
        }
    }

    package var text: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .connect: "CONNECT"
        case .trace: "TRACE"
        case .patch: "PATCH"
        case .other(let text): text
        }
    }
}

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

package struct ResponseHead: Sendable {
    package var status: Int
    package var fields: FieldBlock

    package init(status: Int, fields: FieldBlock = FieldBlock()) {
        self.status = status
        self.fields = fields
    }
}
