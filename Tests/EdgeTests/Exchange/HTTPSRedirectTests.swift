import HTTP
import Testing

@testable import Edge

@Suite struct HTTPSRedirectTests {
    @Test(
        arguments: [
            ("h.example", "/a?b=c", 443, "https://h.example/a?b=c"),
            ("h.example:80", "/", 8443, "https://h.example:8443/"),
            ("[::1]:80", "/x", 443, "https://[::1]/x"), ("[::1]", "//x", 8443, "https://[::1]:8443//x"),
            ("h", "*", 443, "https://h/"), ("", "/", 443, nil), ("u@h", "/", 443, nil), ("a b", "/", 443, nil),
        ] as [(String, String, UInt16, String?)]
    )
    func leadsToTheSameHost(authority: String, target: String, port: UInt16, expected: String?) {
        let found = HTTPSRedirect.location(authority: Array(authority.utf8), target: Array(target.utf8), port: port)
        #expect(found.map { String(decoding: $0, as: UTF8.self) } == expected)
    }

    @Test func someThingsAreAskedForInClear() {
        for target in ["/health", "/health?x", "/.well-known/acme-challenge/t"] {
            #expect(HTTPSRedirect.exempts(Array(target.utf8)))
        }
        for target in ["/", "/healthy", "/health/ready", "/.well-known/other", "/v1/models", "*"] {
            #expect(!HTTPSRedirect.exempts(Array(target.utf8)))
        }
    }
}
