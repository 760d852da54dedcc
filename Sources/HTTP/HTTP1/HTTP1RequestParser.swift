// Parses request heads strictly by RFC 9112. A head that two parsers could understand differently is an error.
internal import Transport

/// Parses the request heads of one HTTP/1.1 connection, one after the other.
///
/// The `HTTP1ServerSession` of the connection owns the parser.
package struct HTTP1RequestParser: Sendable {
    /// The result of one call of `parse`.
    package enum Result: Sendable {
        /// The end of the head has not arrived yet.
        case incomplete
        /// A whole head, which ends after the first `consumed` bytes.
        ///
        /// The body of the request or the next head follows these bytes.
        case head(RequestHead, consumed: Int)
        /// The head is malformed or too large.
        ///
        /// Every later call fails in the same way.
        case failed(HTTP1Error)
    }

    private struct StartLine {
        var method: Method
        var target: HTTP1Target
        var version: HTTPVersion
    }

    private let limits: HTTP1Limits
    private var scanner = HTTP1HeadScanner()
    private var startLine: StartLine?
    private var emptyLines = 0
    private var fields = FieldBlock()
    private var failure: HTTP1Error?

    /// Makes a parser, whose first byte of input must be the first byte of a head.
    package init(limits: HTTP1Limits = .request) { self.limits = limits }

    /// The memory that the header fields read so far occupy, in bytes.
    var footprint: Int { fields.footprint }

    /// Continues to parse a head.
    ///
    /// `bytes` begins with the first byte of the head: it repeats the bytes of the previous call and adds new bytes.
    /// After a whole head, the next call begins with the first byte of the next head.
    package mutating func parse(_ bytes: Span<UInt8>) -> Result {
        if let failure { return .failed(failure) }
        do throws(HTTP1Error) {
            guard let head = try advance(bytes) else { return .incomplete }
            let consumed = scanner.lineStart
            self = HTTP1RequestParser(limits: limits)
            return .head(head, consumed: consumed)
        } catch {
            failure = error
            return .failed(error)
        }
    }

    private mutating func advance(_ bytes: Span<UInt8>) throws(HTTP1Error) -> RequestHead? {
        while true {
            guard let startLine else {
                guard try readStartLine(bytes) else { return nil }
                continue
            }
            switch try scanner.nextLine(in: bytes, limit: limits.headBytes) {
            case .incomplete: return nil
            case .limitReached: throw HTTP1Error(.headTooLarge)
            case .complete(let line):
                guard !line.isEmpty else { return try head(of: startLine) }
                if fields.isEmpty { fields.reserve(bytes: min(bytes.count, 1024), fields: 16) }
                try fields.append(line: line, of: bytes, limit: limits.fields)
            }
        }
    }

    // MARK: The request line

    /// Reads the request line, or an empty line before it.
    ///
    /// Returns false if the end of the line has not arrived yet.
    private mutating func readStartLine(_ bytes: Span<UInt8>) throws(HTTP1Error) -> Bool {
        // The longest valid request line has the longest method and target, and 12 bytes for two spaces, the version
        // and CRLF.
        let longest = scanner.lineStart + HTTP1Limits.methodBytes + limits.targetBytes + 12
        switch try scanner.nextLine(in: bytes, limit: min(longest, limits.headBytes)) {
        case .incomplete: return false
        case .limitReached:
            _ = try Self.methodEnd(scanner.lineStart..<min(longest, limits.headBytes), of: bytes)
            throw HTTP1Error(longest <= limits.headBytes ? .targetTooLong : .headTooLarge)
        case .complete(let line):
            guard !line.isEmpty else {
                emptyLines += 1
                guard emptyLines <= HTTP1Limits.emptyLines else { throw HTTP1Error(.tooManyEmptyLines) }
                return true
            }
            startLine = try Self.startLine(line, of: bytes, limits: limits)
            return true
        }
    }

    /// The offset of the space after the method.
    ///
    /// Throws if the method is malformed, or if no space follows the method.
    private static func methodEnd(_ line: Range<Int>, of bytes: Span<UInt8>) throws(HTTP1Error) -> Int {
        var end = line.lowerBound
        while end < line.upperBound, bytes[end].isToken { end += 1 }
        guard end > line.lowerBound, end - line.lowerBound <= HTTP1Limits.methodBytes else {
            throw HTTP1Error(.malformedMethod)
        }
        guard end < line.upperBound else { throw HTTP1Error(.malformedRequestLine) }
        guard bytes[end] == HTTP1Byte.space else { throw HTTP1Error(.malformedMethod) }
        return end
    }

    private static func startLine(
        _ line: Range<Int>,
        of bytes: Span<UInt8>,
        limits: HTTP1Limits
    ) throws(HTTP1Error) -> StartLine {
        let methodEnd = try methodEnd(line, of: bytes)
        var targetEnd = methodEnd + 1
        while targetEnd < line.upperBound, bytes[targetEnd] != HTTP1Byte.space {
            let byte = bytes[targetEnd]
            guard byte > HTTP1Byte.space, byte < 0x7f, byte != UInt8(ascii: "#") else {
                throw HTTP1Error(.malformedTarget)
            }
            targetEnd += 1
        }
        guard targetEnd > methodEnd + 1, targetEnd < line.upperBound else { throw HTTP1Error(.malformedRequestLine) }
        guard targetEnd - methodEnd - 1 <= limits.targetBytes else { throw HTTP1Error(.targetTooLong) }
        let version = try HTTP1Version.parse(targetEnd + 1..<line.upperBound, of: bytes)
        let method = Method(array(bytes, line.lowerBound..<methodEnd))
        guard method != .connect else { throw HTTP1Error(.connectUnsupported) }
        let target = try HTTP1Target(array(bytes, methodEnd + 1..<targetEnd)[...], method: method)
        return StartLine(method: method, target: target, version: version)
    }

    private static func array(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
        [UInt8](capacity: range.count) { output in
            for index in range { output.append(bytes[index]) }
        }
    }

    // MARK: The fields

    private mutating func head(of line: StartLine) throws(HTTP1Error) -> RequestHead {
        let framing = try HTTP1Framing(of: fields, version: line.version)
        let authority = try authority(of: line)
        let body: BodyLength =
            if framing.isChunked { .unknown } else { framing.contentLength.map { .known($0) } ?? .none }
        let expectsContinue = try expectsContinue(version: line.version)
        return RequestHead(
            method: line.method,
            target: line.target.path,
            authority: authority,
            version: line.version,
            fields: fields,
            body: body,
            keepAlive: framing.keepAlive,
            expectsContinue: expectsContinue && body != .none && body != .known(0)
        )
    }

    private func authority(of line: StartLine) throws(HTTP1Error) -> [UInt8] {
        let hosts = fields.occurrences(of: .host)
        guard hosts <= 1 else { throw HTTP1Error(.duplicateHost) }
        guard let host = fields.first(.host) else {
            guard line.version == .http10 else { throw HTTP1Error(.missingHost) }
            return line.target.authority ?? []
        }
        guard isAuthority(host) else { throw HTTP1Error(.malformedHost) }
        if let named = line.target.authority, !isSameAuthority(named[...], host, isSecure: line.target.isSecure) {
            throw HTTP1Error(.hostMismatch)
        }
        return Array(host)
    }

    private func expectsContinue(version: HTTPVersion) throws(HTTP1Error) -> Bool {
        guard version == .http11 else { return false }
        var expects = false
        for index in 0..<fields.count where fields.known(index) == .expect {
            guard fields.value(index).spells("100-continue") else { throw HTTP1Error(.unsupportedExpectation) }
            expects = true
        }
        return expects
    }
}
