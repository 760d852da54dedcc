// How large a message head may be. The limit of the request target holds for HTTP/2 too.

/// How much a peer may send before its message head is complete.
package struct HTTP1Limits: Sendable {
    /// The most bytes of a whole head: empty lines before it, start line, fields, and the empty line that ends it.
    package var headBytes: Int
    /// The most bytes of a request target.
    package var targetBytes: Int
    /// The most fields.
    package var fields: Int

    /// The defaults are those for requests.
    package init(headBytes: Int = 32 * 1024, targetBytes: Int = 8 * 1024, fields: Int = 100) {
        self.headBytes = headBytes
        self.targetBytes = targetBytes
        self.fields = fields
    }

    /// The limits for requests of clients, unless a listener sets others.
    package static let request = HTTP1Limits()
    /// The limits for responses of executors.
    package static let response = HTTP1Limits(headBytes: 64 * 1024, fields: 200)

    /// The most bytes of a method.
    static let methodBytes = 32
    /// The most empty lines before a request line.
    static let emptyLines = 4
    /// The most options in the connection field of one message.
    static let connectionOptions = 32
}
