// The limits of HTTP/1.1 message heads. The limit of the request target also applies to HTTP/2.

/// The limits of a message head, which bound how much a peer can send before its head is complete.
package struct HTTP1Limits: Sendable {
    /// The largest head, in bytes, with any empty lines before it and the empty line at its end.
    package var headBytes: Int
    /// The largest request target, in bytes.
    package var targetBytes: Int
    /// The largest number of header fields.
    package var fields: Int

    /// Makes limits; the default values are the limits for requests.
    package init(headBytes: Int = 32 * 1024, targetBytes: Int = 8 * 1024, fields: Int = 100) {
        self.headBytes = headBytes
        self.targetBytes = targetBytes
        self.fields = fields
    }

    /// The limits for the requests of clients, unless a listener sets other limits.
    package static let request = HTTP1Limits()
    /// The limits for the responses of executors.
    package static let response = HTTP1Limits(headBytes: 64 * 1024, fields: 200)

    /// The longest method, in bytes.
    static let methodBytes = 32
    /// The largest number of empty lines before a request line.
    static let emptyLines = 4
    /// The largest number of options in the `connection` field of one message.
    static let connectionOptions = 32
}
