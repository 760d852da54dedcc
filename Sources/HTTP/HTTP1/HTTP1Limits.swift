// How large a message head may be. The HTTP/1.1 parsers and HTTP/2 check requests by the same numbers.

/// How much a peer may send before its head is complete.
package struct HTTP1Limits: Sendable {
    /// All of the head: empty lines before it, start line, fields and the empty line that ends it.
    package var headBytes: Int
    package var targetBytes: Int
    package var fields: Int

    package init(headBytes: Int = 32 * 1024, targetBytes: Int = 8 * 1024, fields: Int = 100) {
        self.headBytes = headBytes
        self.targetBytes = targetBytes
        self.fields = fields
    }

    package static let request = HTTP1Limits()
    package static let response = HTTP1Limits(headBytes: 64 * 1024, fields: 200)

    static let methodBytes = 32
    static let emptyLines = 4
    static let connectionOptions = 32
}
