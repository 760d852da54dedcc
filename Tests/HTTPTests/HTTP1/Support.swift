// Helpers that feed the HTTP/1.1 parsers in one piece, byte by byte, and in random pieces.

import HTTP
import Testing

enum RequestOutcome: Equatable {
    case incomplete
    case failed(HTTP1Error)
    case head(String, consumed: Int)

    init(_ result: HTTP1RequestParser.Result) {
        switch result {
        case .incomplete: self = .incomplete
        case .failed(let error): self = .failed(error)
        case .head(let head, let consumed): self = .head(describe(head), consumed: consumed)
        }
    }
}

func describe(_ fields: FieldBlock) -> String {
    (0..<fields.count).map { index in
        String(decoding: fields.name(index), as: UTF8.self) + "=" + String(decoding: fields.value(index), as: UTF8.self)
    }.joined(separator: "|")
}

func describe(_ head: RequestHead) -> String {
    let target = String(decoding: head.target, as: UTF8.self)
    let authority = String(decoding: head.authority, as: UTF8.self)
    return "\(head.method.text) \(target) \(authority) \(head.version) \(head.body) keep:\(head.keepAlive) "
        + "expect:\(head.expectsContinue) [\(describe(head.fields))]"
}

/// Calls the parser once for each byte that arrives, with all bytes so far, as on a slow connection.
func drip(_ bytes: [UInt8], into parser: HTTP1RequestParser) -> HTTP1RequestParser.Result {
    var parser = parser
    for count in 0..<bytes.count {
        let result = parser.parse(bytes.span.extracting(0..<count))
        if case .incomplete = result { continue }
        return result
    }
    return parser.parse(bytes.span)
}

/// Parses a request head in one piece and byte by byte, and requires the same result.
func parseRequest(
    _ text: String,
    limits: HTTP1Limits = .request,
    at location: SourceLocation = #_sourceLocation
) -> HTTP1RequestParser.Result {
    parseRequest(Array(text.utf8), limits: limits, at: location)
}

func parseRequest(
    _ bytes: [UInt8],
    limits: HTTP1Limits = .request,
    at location: SourceLocation = #_sourceLocation
) -> HTTP1RequestParser.Result {
    var parser = HTTP1RequestParser(limits: limits)
    let whole = parser.parse(bytes.span)
    let dripped = drip(bytes, into: HTTP1RequestParser(limits: limits))
    #expect(RequestOutcome(whole) == RequestOutcome(dripped), sourceLocation: location)
    return whole
}

func head(_ text: String, at location: SourceLocation = #_sourceLocation) throws -> RequestHead {
    guard case .head(let head, let consumed) = parseRequest(text, at: location) else {
        Issue.record("no head: \(parseRequest(text))", sourceLocation: location)
        throw Unexpected()
    }
    #expect(consumed == text.utf8.count, sourceLocation: location)
    return head
}

/// The kind of error with which the request is refused; nil if it is accepted.
func refusal(
    _ text: String,
    limits: HTTP1Limits = .request,
    at location: SourceLocation = #_sourceLocation
) -> HTTP1Error.Kind? {
    guard case .failed(let error) = parseRequest(text, limits: limits, at: location) else { return nil }
    return error.kind
}

struct Unexpected: Error {}

/// The result of decoding a body: the data, how it ended, and how many bytes the decoder consumed.
struct Decoded: Equatable {
    enum Ending: Equatable { case open, complete, failed(HTTP1Error.Kind) }
    var data: [UInt8] = []
    var ending = Ending.open
    var consumed = 0

    var text: String { String(decoding: data, as: UTF8.self) }
}

/// Decodes a chunked body in pieces, as reads of a socket would deliver it.
///
/// `reads` returns the size of a piece in bytes, given the index of the piece.
func decode(_ bytes: [UInt8], reads: (Int) -> Int) -> Decoded {
    var decoder = ChunkedDecoder()
    var decoded = Decoded()
    var start = 0
    var reading = 0
    while start < bytes.count {
        let end = min(bytes.count, start + max(1, reads(reading)))
        reading += 1
        while start < end {
            switch decoder.decode(bytes.span.extracting(start..<end)) {
            case .data(let range):
                #expect(!range.isEmpty)
                decoded.data += bytes[start + range.lowerBound..<start + range.upperBound]
                start += range.upperBound
            case .needsMore(let consumed):
                #expect(start + consumed == end)
                start = end
            case .end(let consumed):
                decoded.ending = .complete
                decoded.consumed = start + consumed
                return decoded
            case .failed(let error):
                decoded.ending = .failed(error.kind)
                return decoded
            }
        }
    }
    decoded.consumed = start
    return decoded
}

/// Decodes a chunked body in one piece and byte by byte, and requires the same result.
func decode(_ text: String, at location: SourceLocation = #_sourceLocation) -> Decoded {
    let bytes = Array(text.utf8)
    let whole = decode(bytes) { _ in bytes.count }
    #expect(whole == decode(bytes) { _ in 1 }, sourceLocation: location)
    return whole
}
