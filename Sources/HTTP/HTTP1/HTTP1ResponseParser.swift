// Parses the response heads of executors. The rules for header fields are the same as for requests.
internal import Transport

/// Parses the response heads of one HTTP/1.1 connection, one after the other.
///
/// The `HTTP1ExecutorConnection` owns the parser.
package struct HTTP1ResponseParser: Sendable {
    /// The result of one call of `parse`.
    package enum Result: Sendable {
        /// The end of the head has not arrived yet.
        case incomplete
        /// A whole head, which ends after the first `consumed` bytes.
        ///
        /// After a 1xx status, the caller parses again, because the final head follows.
        case head(ResponseHead, body: ResponseBody, keepAlive: Bool, consumed: Int)
        /// The head is malformed or too large.
        ///
        /// Every later call fails in the same way.
        case failed(HTTP1Error)
    }

    private struct StatusLine {
        var status: Int
        var version: HTTPVersion
    }

    private let limits: HTTP1Limits
    private var scanner = HTTP1HeadScanner()
    private var statusLine: StatusLine?
    private var fields = FieldBlock()
    private var failure: HTTP1Error?

    /// Makes a parser, whose first byte of input must be the first byte of a head.
    package init(limits: HTTP1Limits = .response) { self.limits = limits }

    /// Continues to parse a head.
    ///
    /// `bytes` begins with the first byte of the head: it repeats the bytes of the previous call and adds new bytes.
    ///
    /// - Parameter toHEAD: whether the request method was HEAD. The response then has no body, whatever its fields
    ///   say.
    package mutating func parse(_ bytes: Span<UInt8>, toHEAD: Bool = false) -> Result {
        if let failure { return .failed(failure) }
        do throws(HTTP1Error) {
            guard let line = try readLines(bytes) else { return .incomplete }
            let (body, keepAlive) = try framing(of: line, toHEAD: toHEAD)
            let head = ResponseHead(status: line.status, fields: fields)
            let consumed = scanner.lineStart
            self = HTTP1ResponseParser(limits: limits)
            return .head(head, body: body, keepAlive: keepAlive, consumed: consumed)
        } catch {
            failure = error
            return .failed(error)
        }
    }

    /// Reads the lines of a head that have arrived so far.
    ///
    /// Returns the status line if the head is complete, and nil otherwise.
    private mutating func readLines(_ bytes: Span<UInt8>) throws(HTTP1Error) -> StatusLine? {
        while true {
            switch try scanner.nextLine(in: bytes, limit: limits.headBytes) {
            case .incomplete: return nil
            case .limitReached: throw HTTP1Error(.headTooLarge)
            case .complete(let line):
                guard let statusLine else {
                    statusLine = try Self.statusLine(line, of: bytes)
                    continue
                }
                guard !line.isEmpty else { return statusLine }
                if fields.isEmpty { fields.reserve(bytes: min(bytes.count, 1024), fields: 16) }
                try fields.append(line: line, of: bytes, limit: limits.fields)
            }
        }
    }

    /// Reads a status line such as `HTTP/1.1 200 OK`.
    ///
    /// The reason may be empty, and then the space before the reason may be absent.
    private static func statusLine(_ line: Range<Int>, of bytes: Span<UInt8>) throws(HTTP1Error) -> StatusLine {
        let code = line.lowerBound + HTTP1Version.length + 1
        guard line.count >= HTTP1Version.length + 4, bytes[code - 1] == HTTP1Byte.space else {
            throw HTTP1Error(.malformedStatusLine)
        }
        let version = try HTTP1Version.parse(line.lowerBound..<code - 1, of: bytes)
        var status = 0
        for index in code..<code + 3 {
            guard bytes[index].isDigit else { throw HTTP1Error(.malformedStatusLine) }
            status = status * 10 + Int(bytes[index] - HTTP1Byte.zero)
        }
        guard (100..<600).contains(status), code + 3 == line.upperBound || bytes[code + 3] == HTTP1Byte.space else {
            throw HTTP1Error(.malformedStatusLine)
        }
        return StatusLine(status: status, version: version)
    }

    private func framing(of line: StatusLine, toHEAD: Bool) throws(HTTP1Error) -> (ResponseBody, keepAlive: Bool) {
        let framing = try HTTP1Framing(of: fields, version: line.version)
        switch line.status {
        case 101: throw HTTP1Error(.unexpectedUpgrade)
        case 100..<200, 204:
            // A response with status 1xx or 204 has no body. If the executor announces a body, its bytes could be read
            // as the next response.
            guard !framing.isChunked, framing.contentLength ?? 0 == 0 else { throw HTTP1Error(.unexpectedBody) }
            return (.none, framing.keepAlive)
        case 304: return (.none, framing.keepAlive)
        default: break
        }
        if toHEAD { return (.none, framing.keepAlive) }
        if framing.isChunked { return (.chunked, framing.keepAlive) }
        if let length = framing.contentLength { return (.known(length), framing.keepAlive) }
        return (.untilClose, false)
    }
}
