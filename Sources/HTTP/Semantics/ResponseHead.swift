// The head of a response and the framing of its body, in the same form for HTTP/1.1 and HTTP/2.

/// The head of a response, in the same form for HTTP/1.1 and HTTP/2.
package struct ResponseHead: Sendable {
    /// The status code, which has three digits.
    package var status: Int
    /// All header fields, without the pseudo-header field `:status` of HTTP/2.
    package var fields: FieldBlock

    /// Makes a head from its parts.
    package init(status: Int, fields: FieldBlock = FieldBlock()) {
        self.status = status
        self.fields = fields
    }
}

/// How the end of a response body is determined, in the terms of HTTP/1.1.
package enum ResponseBody: Equatable, Sendable {
    /// There is no body: the response answers HEAD, or its status is 1xx, 204 or 304.
    case none
    /// The body has exactly this many bytes (`content-length`).
    case known(Int)
    /// The framing marks the end: the last chunk, or END_STREAM on HTTP/2.
    case chunked
    /// The body ends when the connection closes, so a truncated body looks like a complete body.
    case untilClose
}
