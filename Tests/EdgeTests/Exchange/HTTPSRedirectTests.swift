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

    @Test func aRedirectNeedsSomewhereToLead() throws {
        let models = "\nmodels: [{id: m, executors: [{url: 'http://e'}]}]\nauthentication: {required: false}\n"
        let tls = "tls: {certificates: [{chain: c, key: k}]}"
        func listeners(_ items: String) -> String { "listeners: [\(items)]" + models }
        #expect(
            faults(listeners("{address: '127.0.0.1:80', redirect_https: true}"))
                == ["c.yaml:1:55: listeners[].redirect_https: needs a listener with tls, at a port that is not 0"]
        )
        #expect(
            faults(listeners("{address: '127.0.0.1:443', redirect_https: true, \(tls)}"))
                == ["c.yaml:1:56: listeners[].redirect_https: has no meaning beside tls"]
        )
        let clear = "{address: '127.0.0.1:80', redirect_https: true}"
        func port(_ more: String) throws -> UInt16? {
            ListenerSettings.httpsPort(of: try read(listeners("\(clear), \(more)")).get().listeners)
        }
        #expect(try port("{address: '127.0.0.1:8443', \(tls)}") == 8443)
        #expect(try port("{address: '127.0.0.1:8443', \(tls)}, {address: '127.0.0.1:443', \(tls)}") == 443)
    }
}
