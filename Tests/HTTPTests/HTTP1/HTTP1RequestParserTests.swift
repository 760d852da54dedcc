// Which lines of a request head the parser accepts. Lengths and hosts are in HTTP1FramingTests.swift.

import HTTP
import Testing

@Suite("HTTP1RequestParser") struct HTTP1RequestParserTests {
    @Test("a plain request is read") func plain() throws {
        let head = try head(
            "POST /v1/chat/completions?beta=true HTTP/1.1\r\nHost: api.example:8443\r\nContent-Length: 12\r\n"
                + "X-Request-ID: \t abc def \t\r\nX-Empty:\r\nX-Text: caf\u{e9}\r\n\r\n"
        )
        #expect(head.method == .post)
        #expect(head.target == Array("/v1/chat/completions?beta=true".utf8))
        #expect(head.authority == Array("api.example:8443".utf8))
        #expect(head.version == .http11)
        #expect(head.body == .known(12))
        #expect(head.keepAlive)
        #expect(!head.expectsContinue)
        #expect(head.fields.count == 5)
        #expect(head.fields.string(.requestID) == "abc def")
        #expect(head.fields.string(named: "x-empty") == "")
        #expect(head.fields.string(named: "x-text") == "caf\u{e9}")
    }

    @Test("what follows the head is left alone, and the next head is read from there") func pipelined() {
        let first = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
        let bytes = Array((first + "GET /b HTTP/1.1\r\nHost: b\r\n\r\n").utf8)
        var parser = HTTP1RequestParser()
        guard case .head(let one, let consumed) = parser.parse(bytes.span) else { return #expect(Bool(false)) }
        #expect(one.target == Array("/a".utf8))
        #expect(consumed == first.utf8.count)
        guard case .head(let two, let rest) = parser.parse(bytes.span.extracting(consumed..<bytes.count)) else {
            return #expect(Bool(false))
        }
        #expect(two.target == Array("/b".utf8))
        #expect(two.fields.count == 1)
        #expect(consumed + rest == bytes.count)
    }

    @Test("bytes in the same read as the head do not count against its limits") func limitsEndWithTheHead() {
        let body = String(repeating: "x", count: 70_000)
        guard case .head(_, let consumed) = parseRequest("GET / HTTP/1.1\r\nHost: a\r\n\r\n" + body) else {
            return #expect(Bool(false))
        }
        #expect(consumed == 27)
    }

    @Test("an unfinished head is incomplete") func incomplete() {
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        for count in 0..<bytes.count {
            guard case .incomplete = parseRequest(Array(bytes[..<count])) else {
                Issue.record("\(count) bytes")
                continue
            }
        }
    }

    @Test("up to four empty lines come before a request") func emptyLines() {
        let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        for count in 1...4 {
            #expect(refusal(String(repeating: "\r\n", count: count) + request) == nil)
        }
        #expect(refusal(String(repeating: "\r\n", count: 5) + request) == .tooManyEmptyLines)
    }

    @Test(
        "a bare CR, a bare LF and control characters are errors wherever they stand",
        arguments: [
            ("GET / HTTP/1.1\nHost: a\r\n\r\n", HTTP1Error.Kind.bareLineFeed),
            ("GET / HTTP/1.1\r\nHost: a\n\r\n", .bareLineFeed),
            ("GET / HTTP/1.1\r\nHost: a\r\n\n", .bareLineFeed),
            ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .bareLineFeed),
            ("GET / HTTP/1.1\rHost: a\r\n\r\n", .bareCarriageReturn),
            ("GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", .bareCarriageReturn),
            ("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", .bareCarriageReturn),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", .bareCarriageReturn),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\rb\r\n\r\n", .bareCarriageReturn),
            ("GET / HTTP/1.1\r\nHost: a\r\n\rX: b\r\n\r\n", .bareCarriageReturn),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", .controlCharacter),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\u{0b}b\r\n\r\n", .controlCharacter),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\u{7f}b\r\n\r\n", .controlCharacter),
            ("GET /\u{01} HTTP/1.1\r\nHost: a\r\n\r\n", .controlCharacter),
            ("\u{16}\u{03}\u{01}", .controlCharacter),
        ]
    ) func lineEnds(text: String, kind: HTTP1Error.Kind) {
        #expect(refusal(text) == kind)
    }

    @Test(
        "a malformed request line is refused",
        arguments: [
            ("GET\r\n", HTTP1Error.Kind.malformedRequestLine),
            ("GET /\r\n", .malformedRequestLine),
            ("GET  / HTTP/1.1\r\n", .malformedRequestLine),
            ("GET /  HTTP/1.1\r\n", .malformedVersion),
            ("GET / HTTP/1.1 \r\n", .malformedVersion),
            (" GET / HTTP/1.1\r\n", .malformedMethod),
            ("GET\t/ HTTP/1.1\r\n", .malformedMethod),
            ("GET\t/\tHTTP/1.1\r\n", .malformedMethod),
            ("GET /\tHTTP/1.1\r\n", .malformedTarget),
            ("G(T / HTTP/1.1\r\n", .malformedMethod),
            ("G\u{e9}T / HTTP/1.1\r\n", .malformedMethod),
            ("GET:/ HTTP/1.1\r\n", .malformedMethod),
            ("GET /a b HTTP/1.1\r\n", .malformedVersion),
            ("GET /a#b HTTP/1.1\r\n", .malformedTarget),
            ("GET /caf\u{e9} HTTP/1.1\r\n", .malformedTarget),
            ("GET? / HTTP/1.1\r\n", .malformedMethod),
        ]
    ) func requestLine(text: String, kind: HTTP1Error.Kind) {
        #expect(refusal(text + "Host: a\r\n\r\n") == kind)
    }

    @Test("a method is a token of at most 32 characters") func method() throws {
        let long = String(repeating: "M", count: 32)
        #expect(try head("\(long) / HTTP/1.1\r\nHost: a\r\n\r\n").method == .other(long))
        #expect(try head("get / HTTP/1.1\r\nHost: a\r\n\r\n").method == .other("get"))
        #expect(refusal("\(long)M / HTTP/1.1\r\nHost: a\r\n\r\n") == .malformedMethod)
        #expect(refusal(String(repeating: "M", count: 40_000)) == .malformedMethod)
    }

    @Test(
        "only HTTP/1.0 and HTTP/1.1 are spoken",
        arguments: [
            ("HTTP/2.0", HTTP1Error.Kind.unsupportedVersion), ("HTTP/0.9", .unsupportedVersion),
            ("HTTP/3.0", .unsupportedVersion),
            ("HTTP/1", .malformedVersion), ("HTTP/1.10", .malformedVersion), ("http/1.1", .malformedVersion),
            ("HTTP/1,1", .malformedVersion), ("HTTP/a.1", .malformedVersion), ("HTTP/+1.1", .malformedVersion),
            ("HTTP/1.1x", .malformedVersion), ("HTTX/1.1", .malformedVersion), ("", .malformedVersion),
        ]
    ) func version(text: String, kind: HTTP1Error.Kind) {
        #expect(refusal("GET / \(text)\r\nHost: a\r\n\r\n") == kind)
    }

    @Test("a later minor version is served as HTTP/1.1", arguments: ["HTTP/1.2", "HTTP/1.9"])
    func laterMinorVersion(text: String) throws {
        #expect(try head("GET / \(text)\r\nHost: a\r\n\r\n").version == .http11)
    }

    @Test("the HTTP/2 preface is a version that is not spoken") func preface() {
        #expect(refusal("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == .unsupportedVersion)
    }

    @Test(
        "a malformed field line is refused",
        arguments: [
            ("X : a", HTTP1Error.Kind.spaceBeforeColon), ("X\t: a", .spaceBeforeColon),
            (" X: a", .foldedField), ("\tfolded", .foldedField), ("X: a\r\n b", .foldedField),
            ("X: a\r\n\tb", .foldedField),
            ("X", .malformedFieldName), (": a", .malformedFieldName), ("X(: a", .malformedFieldName),
            ("\u{e9}: a", .malformedFieldName), ("X\"Y: a", .malformedFieldName),
            ("Transfer-Encoding", .malformedFieldName),
            ("X Y: a", .spaceBeforeColon),
        ]
    ) func fieldLine(line: String, kind: HTTP1Error.Kind) {
        #expect(refusal("GET / HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n") == kind)
        #expect(refusal("GET / HTTP/1.1\r\n\(line)\r\nHost: a\r\n\r\n") == kind)
    }

    @Test("as many fields as the limit are read, one more is 431") func fieldCount() {
        let fields = String(repeating: "X: a\r\n", count: 99)
        #expect(refusal("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n") == nil)
        #expect(refusal("GET / HTTP/1.1\r\nHost: a\r\n\(fields)X: b\r\n\r\n") == .tooManyFields)
        #expect(HTTP1Error(.tooManyFields).status == 431)
    }

    @Test("a head of the limit is read, a byte more is 431, complete or not") func headBytes() {
        let limits = HTTP1Limits(headBytes: 200)
        let start = "GET / HTTP/1.1\r\nHost: a\r\nX: "
        let padding = String(repeating: "x", count: 200 - start.utf8.count - 4)
        #expect(refusal("\(start)\(padding)\r\n\r\n", limits: limits) == nil)
        #expect(refusal("\(start)\(padding)x\r\n\r\n", limits: limits) == .headTooLarge)
        #expect(refusal("\(start)\(padding)xxxxx", limits: limits) == .headTooLarge)
        #expect(refusal("\(start)\(padding)\r\n\r", limits: limits) == nil)
        #expect(HTTP1Error(.headTooLarge).status == 431)
    }

    @Test("a target of the limit is read, a byte more is 414, complete or not") func targetBytes() {
        let limits = HTTP1Limits(targetBytes: 100)
        let target = "/" + String(repeating: "t", count: 99)
        #expect(refusal("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n", limits: limits) == nil)
        #expect(refusal("GET \(target)t HTTP/1.1\r\nHost: a\r\n\r\n", limits: limits) == .targetTooLong)
        #expect(refusal("GET /" + String(repeating: "t", count: 50_000), limits: limits) == .targetTooLong)
        #expect(refusal("GET /" + String(repeating: "t", count: 50_000)) == .targetTooLong)
        #expect(HTTP1Error(.targetTooLong).status == 414)
    }

    @Test("a head that comes byte by byte is looked at once") func linear() {
        // A head of 32 KiB, one byte per call. A parser that starts over at each call would read 500 million bytes.
        let fields = (0..<90).map { "X-\($0): " + String(repeating: "v", count: 340) + "\r\n" }.joined()
        let clock = ContinuousClock()
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n".utf8)
        let duration = clock.measure { _ = drip(bytes, into: HTTP1RequestParser()) }
        #expect(duration < .milliseconds(500))
    }

    @Test("a parser that has failed stays failed") func failureStays() {
        var parser = HTTP1RequestParser()
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nX Y\r\n\r\n".utf8)
        _ = parser.parse(bytes.span)
        let good = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        guard case .failed(let error) = parser.parse(good.span) else { return #expect(Bool(false)) }
        #expect(error.kind == .spaceBeforeColon)
    }
}
