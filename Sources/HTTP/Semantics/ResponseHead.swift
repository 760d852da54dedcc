// The head of a response and how its body is framed, the same for HTTP/1.1 and HTTP/2.

package struct ResponseHead: Sendable {
    package var status: Int
    package var fields: FieldBlock

    package init(status: Int, fields: FieldBlock = FieldBlock()) {
        self.status = status
        self.fields = fields
    }
}

/// How an HTTP/1.1 message's body ends.
package enum ResponseBody: Equatable, Sendable {
    /// There is none: an answer to HEAD, 204, 304 and 1xx.
    case none
    case known(Int)
    case chunked
    /// The connection's end is the body's: nothing tells a whole body from a cut one.
    case untilClose
}
