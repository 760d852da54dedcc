// The method of a request (RFC 9110 section 9).
internal import Transport

/// The method of a request; methods are case-sensitive (RFC 9110 section 9.1).
package enum Method: Equatable, Sendable {
    case get, head, post, put, delete, options, connect, trace, patch
    case other(String)

    /// The method that the bytes spell.
    package init(_ bytes: Span<UInt8>) {
        // POST is compared first because nearly all requests use it.
        self = bytes.equals("POST") ? .post : unsafe bytes.withUnsafeBufferPointer { unsafe Method($0) }
    }

    /// The method that the bytes spell.
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

    /// The method as it is written in a request.
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
