// Which HTTP versions a message may state.
import Testing

@testable import HTTP

@Suite struct HTTP1VersionTests {
    private func parse(_ text: String) throws(HTTP1Error) -> HTTPVersion {
        let bytes = Array("GET / \(text)\r\n".utf8)
        return try HTTP1Version.parse(6..<bytes.count - 2, of: bytes.span)
    }

    @Test func laterMinorVersionsUnderstandHTTP11() throws {
        #expect(try parse("HTTP/1.0") == .http10)
        for minor in 1...9 { #expect(try parse("HTTP/1.\(minor)") == .http11) }
    }

    @Test(arguments: ["HTTP/0.9", "HTTP/2.0", "HTTP/3.1", "HTTP/9.9"]) func otherMajorVersionsAreNotSpoken(text: String)
    {
        #expect(throws: HTTP1Error(.unsupportedVersion)) { try parse(text) }
    }

    @Test(arguments: ["", "HTTP/1", "HTTP/1.10", "HTTP/11", "http/1.1", "HTTP-1.1", "HTTP/1,1", "HTTP/x.1", "HTTP/1.x"])
    func whatIsNoVersionIsMalformed(text: String) {
        #expect(throws: HTTP1Error(.malformedVersion)) { try parse(text) }
    }
}
