// Reads from the header fields how a message body is framed, and whether the connection stays open. Requests and
// responses have the same rules.
internal import Transport

/// How the body of a message is framed according to its header fields, and whether the connection stays open.
///
/// `HTTP1RequestParser` and `HTTP1ResponseParser` both use this type.
struct HTTP1Framing {
    private(set) var contentLength: Int?
    private(set) var isChunked = false
    private(set) var keepAlive: Bool

    /// Reads the framing from the header fields of a message.
    ///
    /// Throws if a field is malformed or not supported, or if two recipients could determine different body lengths
    /// (RFC 9112 section 6.3).
    init(of fields: FieldBlock, version: HTTPVersion) throws(HTTP1Error) {
        keepAlive = try Self.keepsAlive(fields, version: version)
        var codings = 0
        for index in 0..<fields.count {
            switch fields.known(index) {
            case .contentLength:
                guard contentLength == nil else { throw HTTP1Error(.duplicateContentLength) }
                contentLength = try Self.length(fields.value(index))
            case .transferEncoding:
                codings += 1
                isChunked = fields.value(index).spells("chunked")
            default: break
            }
        }
        guard codings > 0 else { return }
        guard contentLength == nil else { throw HTTP1Error(.lengthAndTransferEncoding) }
        guard version == .http11 else { throw HTTP1Error(.transferEncodingInHTTP10) }
        guard isChunked, codings == 1 else { throw HTTP1Error(.unsupportedTransferEncoding) }
    }

    /// Whether the connection may stay open after the message (RFC 9112 section 9.3).
    @inline(__always)
    private static func keepsAlive(_ fields: FieldBlock, version: HTTPVersion) throws(HTTP1Error) -> Bool {
        var options = 0
        var close = false
        var keep = false
        try fields.forEachElement(of: .connection) { (option) throws(HTTP1Error) in
            options += 1
            guard options <= HTTP1Limits.connectionOptions else { throw HTTP1Error(.tooManyConnectionOptions) }
            close = close || option.spells("close")
            keep = keep || option.spells("keep-alive")
        }
        return !close && (version == .http11 || keep)
    }

    /// Parses the value of a content-length field: only digits, with no sign, list or whitespace, and at most 2^63-1.
    private static func length(_ value: ArraySlice<UInt8>) throws(HTTP1Error) -> Int {
        guard !value.isEmpty else { throw HTTP1Error(.malformedContentLength) }
        var length = 0
        for byte in value {
            guard byte.isDigit else { throw HTTP1Error(.malformedContentLength) }
            let (tens, overflow) = length.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(Int(byte - HTTP1Byte.zero))
            guard !overflow, !carry else { throw HTTP1Error(.malformedContentLength) }
            length = sum
        }
        return length
    }
}
