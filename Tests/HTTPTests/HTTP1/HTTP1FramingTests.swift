// Tests the target, host, body length and `Expect` of a request. The server refuses every ambiguous form, because a
// proxy in front could read it differently (request smuggling).

import HTTP
import Testing

@Suite("HTTP1Framing") struct HTTP1FramingTests {
    private func withFields(_ fields: String, version: String = "1.1") -> String {
        "POST / HTTP/\(version)\r\nHost: a\r\n\(fields)\r\n\r\n"
    }

    // MARK: Targets

    @Test(
        "the forms of a target",
        arguments: [
            ("GET /a//b/../c?d?e HTTP/1.1", "/a//b/../c?d?e"), ("GET // HTTP/1.1", "//"),
            ("GET http://a HTTP/1.1", "/"), ("GET http://a/ HTTP/1.1", "/"), ("GET http://A/b?c HTTP/1.1", "/b?c"),
            ("GET HTTPS://a?c HTTP/1.1", "/?c"), ("OPTIONS * HTTP/1.1", "*"), ("OPTIONS http://a HTTP/1.1", "*"),
            ("OPTIONS /x HTTP/1.1", "/x"), ("GET /%00%0d%0a HTTP/1.1", "/%00%0d%0a"),
        ]
    ) func targets(line: String, target: String) throws {
        let head = try head("\(line)\r\nHost: a\r\n\r\n")
        #expect(String(decoding: head.target, as: UTF8.self) == target)
        #expect(head.authority == Array("a".utf8))
    }

    @Test(
        "other targets are refused",
        arguments: [
            ("GET * HTTP/1.1", HTTP1Error.Kind.malformedTarget), ("OPTIONS ** HTTP/1.1", .malformedTarget),
            ("GET a HTTP/1.1", .malformedTarget), ("GET a:80 HTTP/1.1", .malformedTarget),
            ("GET ?a HTTP/1.1", .malformedTarget), ("GET ftp://a/ HTTP/1.1", .malformedTarget),
            ("GET http:// HTTP/1.1", .malformedTarget), ("GET http:///a HTTP/1.1", .malformedTarget),
            ("GET http:/a HTTP/1.1", .malformedTarget), ("GET http://u@a/ HTTP/1.1", .malformedTarget),
            ("GET http://a:x/ HTTP/1.1", .malformedTarget), ("GET http://b/ HTTP/1.1", .hostMismatch),
            ("GET http://a:443/ HTTP/1.1", .hostMismatch), ("GET https://a:80/ HTTP/1.1", .hostMismatch),
            ("GET http://a:81/ HTTP/1.1", .hostMismatch), ("CONNECT a:443 HTTP/1.1", .connectUnsupported),
            ("CONNECT / HTTP/1.1", .connectUnsupported),
        ]
    ) func badTargets(line: String, kind: HTTP1Error.Kind) {
        #expect(refusal("\(line)\r\nHost: a\r\n\r\n") == kind)
    }

    @Test(
        "an absolute form and a host that differ in the scheme's own port are equal",
        arguments: [
            ("http://a:80/", "a"), ("http://a/", "a:80"), ("http://a:/", "A"), ("http://a:080", "a:80"),
            ("https://a:443/", "a"), ("https://a/", "a:443"), ("http://[::1]:80/", "[::1]"),
        ]
    ) func equalAuthorities(target: String, host: String) throws {
        let head = try head("GET \(target) HTTP/1.1\r\nHost: \(host)\r\n\r\n")
        #expect(head.authority == Array(host.utf8))
    }

    // MARK: Hosts

    @Test(
        "hosts of the grammar",
        arguments: [
            "a", "a:80", "a:", "A.b-c.example:65535", "127.0.0.1:8080", "[::1]", "[::1]:443", "[::ffff:1.2.3.4]", "a_b",
            "%41b",
        ]
    ) func hosts(host: String) throws {
        #expect(try head("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n").authority == Array(host.utf8))
    }

    @Test(
        "hosts outside the grammar",
        arguments: [
            "", ":80", "a b", "u@a", "u:p@a", "a:b", "a:65536", "a:123456", "a:-1", "a:+1", "a/b", "a,b", "a, a", "a#b",
            "a?b", "[::1",
            "[]", "[1.2.3.4]", "[::1]x", "[::g]", "[::1%25eth0]", "::1", "a\\b", "a\"b", "%4", "%zz", "a%", "<a>",
            "caf\u{e9}",
        ]
    ) func badHosts(host: String) {
        if host == "a,b" {
            // The grammar of a host allows a comma (sub-delims, RFC 3986 section 3.2.2).
            #expect(refusal("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n") == nil)
        } else {
            #expect(refusal("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n") == .malformedHost)
        }
    }

    @Test("HTTP/1.1 has one host, HTTP/1.0 at most one") func hostCount() throws {
        #expect(refusal("GET / HTTP/1.1\r\n\r\n") == .missingHost)
        #expect(refusal("GET http://a/ HTTP/1.1\r\n\r\n") == .missingHost)
        #expect(refusal("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n") == .duplicateHost)
        #expect(refusal("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n") == .duplicateHost)
        #expect(try head("GET / HTTP/1.0\r\n\r\n").authority.isEmpty)
        #expect(try head("GET http://b/ HTTP/1.0\r\n\r\n").authority == Array("b".utf8))
        #expect(try head("GET / HTTP/1.0\r\nHost: a\r\n\r\n").authority == Array("a".utf8))
    }

    // MARK: Lengths

    @Test("how long the body is") func bodies() throws {
        #expect(try head("GET / HTTP/1.1\r\nHost: a\r\n\r\n").body == .none)
        #expect(try head(withFields("Content-Length: 0")).body == .known(0))
        #expect(try head(withFields("Content-Length: \t007 ")).body == .known(7))
        #expect(try head(withFields("content-length: 9223372036854775807")).body == .known(Int.max))
        #expect(try head(withFields("Transfer-Encoding: chunked")).body == .unknown)
        #expect(try head(withFields("transfer-encoding: \t CHUNKED \t")).body == .unknown)
        #expect(try head("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n").body == .known(5))
    }

    @Test(
        "a length that is not one number is refused",
        arguments: [
            "", "+5", "-5", "5 5", "5,5", "5, 5", "0x5", "5.", "5e1", "a", "9223372036854775808",
            "99999999999999999999999", "5;",
            "\u{ff15}", "'5'",
        ]
    ) func badLengths(length: String) {
        #expect(refusal(withFields("Content-Length: \(length)")) == .malformedContentLength)
    }

    @Test(
        "two readers could disagree about these lengths",
        arguments: [
            ("Content-Length: 5\r\nContent-Length: 5", HTTP1Error.Kind.duplicateContentLength),
            ("Content-Length: 5\r\ncontent-length: 6", .duplicateContentLength),
            ("Content-Length: 5\r\nTransfer-Encoding: chunked", .lengthAndTransferEncoding),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5", .lengthAndTransferEncoding),
            ("Transfer-Encoding: gzip\r\nContent-Length: 0", .lengthAndTransferEncoding),
            ("Transfer-Encoding: identity", .unsupportedTransferEncoding),
            ("Transfer-Encoding: gzip, chunked", .unsupportedTransferEncoding),
            ("Transfer-Encoding: chunked, gzip", .unsupportedTransferEncoding),
            ("Transfer-Encoding: chunked, chunked", .unsupportedTransferEncoding),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .unsupportedTransferEncoding),
            ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", .unsupportedTransferEncoding),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", .unsupportedTransferEncoding),
            ("Transfer-Encoding: xchunked", .unsupportedTransferEncoding),
            ("Transfer-Encoding: \"chunked\"", .unsupportedTransferEncoding),
            ("Transfer-Encoding: chunked;q=1", .unsupportedTransferEncoding),
            ("Transfer-Encoding: ,chunked", .unsupportedTransferEncoding),
            ("Transfer-Encoding: chunked,", .unsupportedTransferEncoding),
            ("Transfer-Encoding:", .unsupportedTransferEncoding),
            ("Transfer-Encoding: ch\u{212a}ed", .unsupportedTransferEncoding),
            ("Transfer-Encoding : chunked", .spaceBeforeColon),
            ("Transfer-Encoding: x\r\n chunked", .foldedField),
            ("Transfer-Encoding: \u{0b}chunked", .controlCharacter),
            ("X: y\r\n\u{00}Transfer-Encoding: chunked", .controlCharacter),
            ("X: y\nTransfer-Encoding: chunked", .bareLineFeed),
            ("X: y\rTransfer-Encoding: chunked", .bareCarriageReturn),
        ]
    ) func smuggling(fields: String, kind: HTTP1Error.Kind) {
        #expect(refusal(withFields(fields)) == kind)
    }

    @Test("HTTP/1.0 has no transfer-encoding") func transferEncodingInHTTP10() {
        #expect(refusal(withFields("Transfer-Encoding: chunked", version: "1.0")) == .transferEncodingInHTTP10)
    }

    // MARK: Options

    @Test("who waits for 100") func expectations() throws {
        #expect(try head(withFields("Expect: 100-Continue\r\nContent-Length: 5")).expectsContinue)
        #expect(try head(withFields("Expect: 100-continue\r\nTransfer-Encoding: chunked")).expectsContinue)
        #expect(try !head(withFields("Expect: 100-continue")).expectsContinue)
        #expect(try !head(withFields("Expect: 100-continue\r\nContent-Length: 0")).expectsContinue)
        #expect(try !head(withFields("Expect: x\r\nContent-Length: 5", version: "1.0")).expectsContinue)
        for value in ["", "100", "200-ok", "100-continue, 100-continue", "100-continue;x"] {
            #expect(refusal(withFields("Expect: \(value)\r\nContent-Length: 5")) == .unsupportedExpectation)
        }
        let twice = "Expect: 100-continue\r\nExpect: y\r\nContent-Length: 5"
        #expect(refusal(withFields(twice)) == .unsupportedExpectation)
    }

    @Test(
        "whether the connection goes on",
        arguments: [
            ("1.1", "X: y", true), ("1.1", "Connection: close", false), ("1.1", "Connection: keep-alive", true),
            ("1.1", "Connection: x, , CLOSE", false), ("1.1", "Connection: x\r\nConnection: close", false),
            ("1.1", "Connection: keep-alive, close", false), ("1.1", "Connection: closed", true),
            ("1.1", "Connection:", true),
            ("1.0", "X: y", false), ("1.0", "Connection: Keep-Alive", true),
            ("1.0", "Connection: keep-alive, close", false),
            ("1.0", "Connection: x", false), ("1.1", "Proxy-Connection: close", true),
        ]
    ) func keepAlive(version: String, field: String, expected: Bool) throws {
        #expect(try head(withFields(field, version: version)).keepAlive == expected)
    }

    @Test("connection options are bounded") func connectionOptions() {
        let options = Array(repeating: "x", count: 32).joined(separator: ",")
        #expect(refusal(withFields("Connection: \(options)")) == nil)
        #expect(refusal(withFields("Connection: \(options),x")) == .tooManyConnectionOptions)
    }
}
