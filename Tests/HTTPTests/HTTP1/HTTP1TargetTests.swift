// The four forms of a request target, and the path that the server takes from each.
import Testing

@testable import HTTP

@Suite struct HTTP1TargetTests {
    private func read(_ text: String, _ method: String = "GET") throws(HTTP1Error) -> HTTP1Target {
        try HTTP1Target(Array(text.utf8)[...], method: Method(method.utf8))
    }

    @Test(
        arguments: [
            ("/", nil, "/", false), ("/v1/models?x=1", nil, "/v1/models?x=1", false), ("//x", nil, "//x", false),
            ("http://a", "a", "/", false), ("HTTP://a:8080/b", "a:8080", "/b", false),
            ("https://a?x", "a", "/?x", true),
            ("https://[::1]:443/x", "[::1]:443", "/x", true),
        ] as [(String, String?, String, Bool)]
    )
    func pathAndAuthorityAreTakenApart(text: String, authority: String?, path: String, isSecure: Bool) throws {
        let target = try read(text)
        #expect(String(decoding: target.path, as: UTF8.self) == path)
        #expect(target.authority.map { String(decoding: $0, as: UTF8.self) } == authority)
        #expect(target.isSecure == isSecure)
    }

    /// `OPTIONS *`, and OPTIONS with an absolute form without a path, address the server as a whole (RFC 9112 section
    /// 3.2.4).
    @Test func optionsMayAskAboutTheServer() throws {
        #expect(try read("*", "OPTIONS").path == Array("*".utf8))
        #expect(try read("http://a", "OPTIONS").path == Array("*".utf8))
        #expect(try read("http://a/", "OPTIONS").path == Array("/".utf8))
        #expect(throws: HTTP1Error(.malformedTarget)) { try read("*") }
    }

    @Test(arguments: [
        "a", "**", "a:443", "ftp://a/", "http:/a", "http://", "http:///x", "http://u@a/", "http://a:x/", "http://[::1/",
        "?x",
    ])
    func otherFormsAreRefused(text: String) {
        #expect(throws: HTTP1Error(.malformedTarget)) { try read(text) }
        if text != "*" { #expect(throws: HTTP1Error(.malformedTarget)) { try read(text, "OPTIONS") } }
    }
}
