// Tests how the parser reads the heads of executors' HTTP/1.1 responses.

import HTTP
import Testing

@Suite("HTTP1ResponseParser") struct HTTP1ResponseParserTests {
    struct Response: Equatable {
        var status: Int
        var fields: String
        var body: ResponseBody
        var keepAlive: Bool
        var consumed: Int
    }

    enum Outcome: Equatable {
        case incomplete
        case failed(HTTP1Error.Kind)
        case head(Response)

        init(_ result: HTTP1ResponseParser.Result) {
            switch result {
            case .incomplete: self = .incomplete
            case .failed(let error): self = .failed(error.kind)
            case .head(let head, let body, let keepAlive, let consumed):
                self = .head(
                    Response(
                        status: head.status,
                        fields: describe(head.fields),
                        body: body,
                        keepAlive: keepAlive,
                        consumed: consumed
                    )
                )
            }
        }
    }

    /// Parses the text in one piece and byte by byte, and requires the same result.
    private func parse(
        _ text: String,
        toHEAD: Bool = false,
        at location: SourceLocation = #_sourceLocation
    ) -> Outcome {
        let bytes = Array(text.utf8)
        var parser = HTTP1ResponseParser()
        let whole = Outcome(parser.parse(bytes.span, toHEAD: toHEAD))
        var slow = HTTP1ResponseParser()
        var dripped = Outcome.incomplete
        for count in 0...bytes.count where dripped == .incomplete {
            dripped = Outcome(slow.parse(bytes.span.extracting(0..<count), toHEAD: toHEAD))
        }
        #expect(whole == dripped, sourceLocation: location)
        return whole
    }

    private func response(_ text: String, toHEAD: Bool = false) throws -> Response {
        guard case .head(let response) = parse(text, toHEAD: toHEAD) else {
            Issue.record("\(text): \(parse(text, toHEAD: toHEAD))")
            throw Unexpected()
        }
        return response
    }

    @Test("a plain answer is read, its body left alone") func plain() throws {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        let response = try response(head + "5\r\nhello\r\n")
        #expect(response.status == 200)
        #expect(response.fields == "content-type=text/event-stream|transfer-encoding=chunked")
        #expect(response.body == .chunked)
        #expect(response.keepAlive)
        #expect(response.consumed == head.utf8.count)
    }

    @Test(
        "a reason may be anything, empty or absent",
        arguments: [
            "HTTP/1.1 200 OK", "HTTP/1.1 200 ", "HTTP/1.1 200", "HTTP/1.0 200 It's  all\tfine",
            "HTTP/1.1 200 caf\u{e9}",
        ]
    ) func reasons(line: String) throws {
        #expect(try response("\(line)\r\nContent-Length: 1\r\n\r\n").status == 200)
    }

    @Test(
        "a malformed status line is refused",
        arguments: [
            "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 2x0 OK", "HTTP/1.1 099 OK", "HTTP/1.1 600 OK",
            "HTTP/1.1  200 OK",
            "HTTP/1.1\t200 OK", "HTTP/1.1 200\tOK", "HTTP/1.1", "200 OK", "", " HTTP/1.1 200 OK", "HTTP/1.1 -20 OK",
            "HTTP/1.1 200OK",
        ]
    ) func statusLine(line: String) {
        let outcome = parse("\(line)\r\n\r\n")
        #expect(outcome == .failed(.malformedStatusLine) || outcome == .failed(.malformedVersion))
    }

    @Test("versions other than 1.0 and 1.1 are refused") func versions() {
        #expect(parse("HTTP/2.0 200 OK\r\n\r\n") == .failed(.unsupportedVersion))
        #expect(parse("http/1.1 200 OK\r\n\r\n") == .failed(.malformedVersion))
    }

    @Test(
        "line ends and field lines are as strict as in requests",
        arguments: [
            ("HTTP/1.1 200 OK\n\r\n", HTTP1Error.Kind.bareLineFeed), ("HTTP/1.1 200 OK\r\nX: y\n\r\n", .bareLineFeed),
            ("HTTP/1.1 200 OK\rX: y\r\n\r\n", .bareCarriageReturn),
            ("HTTP/1.1 200 OK\r\nX: \0\r\n\r\n", .controlCharacter),
            ("HTTP/1.1 200 OK\r\nX : y\r\n\r\n", .spaceBeforeColon),
            ("HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n", .foldedField),
            ("HTTP/1.1 200 OK\r\nX\r\n\r\n", .malformedFieldName),
        ]
    ) func lines(text: String, kind: HTTP1Error.Kind) {
        #expect(parse(text) == .failed(kind))
    }

    @Test(
        "how the body ends",
        arguments: [
            ("1.1", "Content-Length: 5", ResponseBody.known(5), true), ("1.1", "Content-Length: 0", .known(0), true),
            ("1.1", "Transfer-Encoding: Chunked", .chunked, true), ("1.1", "X: y", .untilClose, false),
            ("1.0", "X: y", .untilClose, false), ("1.0", "Content-Length: 5", .known(5), false),
            ("1.0", "Content-Length: 5\r\nConnection: keep-alive", .known(5), true),
            ("1.1", "Content-Length: 5\r\nConnection: close", .known(5), false),
            ("1.1", "Connection: keep-alive", .untilClose, false),
        ]
    ) func bodies(version: String, fields: String, body: ResponseBody, keepAlive: Bool) throws {
        let response = try response("HTTP/\(version) 200 OK\r\n\(fields)\r\n\r\n")
        #expect(response.body == body)
        #expect(response.keepAlive == keepAlive)
    }

    @Test(
        "lengths that two readers could take differently are errors",
        arguments: [
            ("Content-Length: 5\r\nTransfer-Encoding: chunked", HTTP1Error.Kind.lengthAndTransferEncoding),
            ("Content-Length: 5\r\nContent-Length: 5", .duplicateContentLength),
            ("Content-Length: 5, 5", .malformedContentLength),
            ("Transfer-Encoding: gzip", .unsupportedTransferEncoding),
            ("Transfer-Encoding: gzip, chunked", .unsupportedTransferEncoding),
        ]
    ) func badLengths(fields: String, kind: HTTP1Error.Kind) {
        #expect(parse("HTTP/1.1 200 OK\r\n\(fields)\r\n\r\n") == .failed(kind))
        #expect(parse("HTTP/1.1 200 OK\r\n\(fields)\r\n\r\n", toHEAD: true) == .failed(kind))
        #expect(parse("HTTP/1.1 304 OK\r\n\(fields)\r\n\r\n") == .failed(kind))
    }

    @Test("HTTP/1.0 has no transfer-encoding") func transferEncodingInHTTP10() {
        #expect(parse("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") == .failed(.transferEncodingInHTTP10))
    }

    @Test("HEAD and 304 have no body whatever their fields say") func bodiless() throws {
        #expect(try response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", toHEAD: true).body == .none)
        #expect(try response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", toHEAD: true).body == .none)
        let unframed = try response("HTTP/1.1 200 OK\r\n\r\n", toHEAD: true)
        #expect(unframed.body == .none)
        #expect(unframed.keepAlive)
        #expect(try response("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n").body == .none)
    }

    @Test("204 and 1xx must not announce a body") func noContent() throws {
        #expect(try response("HTTP/1.1 204 No Content\r\n\r\n").body == .none)
        #expect(try response("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n").keepAlive)
        for field in ["Content-Length: 1", "Transfer-Encoding: chunked"] {
            #expect(parse("HTTP/1.1 204 No Content\r\n\(field)\r\n\r\n") == .failed(.unexpectedBody))
            #expect(parse("HTTP/1.1 100 Continue\r\n\(field)\r\n\r\n") == .failed(.unexpectedBody))
        }
    }

    @Test("informational heads are reported, and the parser goes on to the next") func informational() throws {
        let first = "HTTP/1.1 100 Continue\r\n\r\n"
        let bytes = Array((first + "HTTP/1.1 103\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc").utf8)
        var parser = HTTP1ResponseParser()
        var start = 0
        var statuses: [Int] = []
        while statuses.last != 200 {
            let result = parser.parse(bytes.span.extracting(start..<bytes.count))
            guard case .head(let head, let body, _, let consumed) = result else { throw Unexpected() }
            #expect(body == (head.status == 200 ? .known(3) : .none))
            statuses.append(head.status)
            start += consumed
        }
        #expect(statuses == [100, 103, 200])
        #expect(bytes.count - start == 3)
    }

    @Test("an executor cannot switch protocols") func upgrade() {
        #expect(parse("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n") == .failed(.unexpectedUpgrade))
    }

    @Test("up to 200 fields and 64 KiB are read") func limits() {
        let fields = String(repeating: "X: y\r\n", count: 200)
        guard case .head = parse("HTTP/1.1 200 OK\r\n\(fields)\r\n") else { return #expect(Bool(false)) }
        #expect(parse("HTTP/1.1 200 OK\r\n\(fields)X: y\r\n\r\n") == .failed(.tooManyFields))
        #expect(parse("HTTP/1.1 200 OK\r\nX: " + String(repeating: "y", count: 65_536)) == .failed(.headTooLarge))
    }
}
