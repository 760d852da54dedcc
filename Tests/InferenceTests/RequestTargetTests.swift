// The canonical form of a request target, and the targets that are refused because parsers disagree on them.

import Inference
import Testing

@Suite struct RequestTargetTests {
    @Test(arguments: [
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/%63hat/completions", "/v1/chat/completions"),
        ("/%761/c%68at%2Dx%5f%7E%2e", "/v1/chat-x_~."),
        // Reserved characters stay escaped, and so does a `%25` that would form an escape if it were decoded.
        ("/a%2fb%3fc%3Bd%20", "/a%2Fb%3Fc%3Bd%20"),
        ("/a%2563", "/a%2563"),
        // A `%` that begins no escape is escaped itself, so that it cannot become one.
        ("/a%", "/a%25"), ("/a%6", "/a%256"), ("/a%zz", "/a%25zz"), ("/a%%363", "/a%2563"),
        // Bytes that HTTP/2 allows in a path and HTTP/1.1 does not.
        ("/a\u{e9} b", "/a%C3%A9%20b"),
        // The query is not decoded.
        ("/v1/messages?beta=%74rue&x=%2F../", "/v1/messages?beta=%74rue&x=%2F../"),
        ("/?\u{e9}", "/?%C3%A9"), ("/v1/x?", "/v1/x?"), ("/?a?b", "/?a?b"),
        ("/.well-known/x", "/.well-known/x"), ("/a%252fb%25", "/a%252fb%25"), ("/a%25252", "/a%25252"),
        ("/a.b/..c/d../...", "/a.b/..c/d../..."), ("/a..", "/a.."),
        ("//v1//x/", "//v1//x/"), ("*", "*"), ("", ""),
    ]) func comesToOneForm(target: String, form: String) {
        let read = RequestTarget(Array(target.utf8))
        #expect(String(decoding: read.bytes, as: UTF8.self) == form)
        #expect(read.fault == nil)
        #expect(String(decoding: read.path, as: UTF8.self) == String(form.prefix { $0 != "?" }))
        // The canonical form is stable: parsing it again gives the same target.
        #expect(RequestTarget(read.bytes) == read)
    }

    @Test(arguments: [
        "/v1/../x", "/v1/../../x", "/..", "/.", "/v1/./chat", "/v1/x/.", "/v1/x/..?a", "/v1/%2e%2e/x", "/v1/.%2E/x",
        "/v1/%2e", "/v1/..%2fx", "/v1/..%2F", "/v1/x%2f..%2fy", "/v1/%2e%2e%2fx", "/v1/..%5cx", "/v1\\..\\x",
        "/v1/%252e%252e/x", "/v1/%25252E./x", "/v1/..%252fx", "/v1/.%255c", "/v1/x%252F%2e", "/v1/%2e%3b",
        "/v1/..;/x", "/v1/..;a=b/x", "/v1/..%3bx", "..", ".", "../v1",
    ]) func refusesDotSegments(target: String) {
        #expect(RequestTarget(Array(target.utf8)).fault == .dotSegment)
    }

    @Test(arguments: ["/v1/x#y", "/v1/x?a#b", "/#"]) func refusesFragments(target: String) {
        #expect(RequestTarget(Array(target.utf8)).fault == .fragment)
    }

    /// For random bytes, the canonical form is stable and contains only characters that HTTP/1.1 allows.
    @Test func oneFormIsOne() {
        var random = Seeded(state: 11)
        let alphabet = Array("/.%2eEfF5cC;?#\\ab\u{e9} 0369".utf8)
        for _ in 0..<5000 {
            let target = (0..<Int.random(in: 0...20, using: &random)).map { _ in alphabet.randomElement(using: &random)!
            }
            let read = RequestTarget(target)
            #expect(RequestTarget(read.bytes) == read, "\(target)")
            #expect(read.bytes.allSatisfy { (0x21...0x7E).contains($0) }, "\(target)")
        }
    }
}
