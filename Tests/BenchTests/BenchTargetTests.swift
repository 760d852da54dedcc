// Tests how the bench reads the URL of the server that it measures.
import Testing
import Transport

@testable import Bench

@Suite struct BenchTargetTests {
    @Test(arguments: [
        ("http://127.0.0.1", false, "127.0.0.1", "127.0.0.1", "127.0.0.1:80"),
        ("https://127.0.0.1", true, "127.0.0.1", "127.0.0.1", "127.0.0.1:443"),
        ("https://127.0.0.1:8443/v1?x", true, "127.0.0.1", "127.0.0.1:8443", "127.0.0.1:8443"),
        ("http://[::1]:8080", false, "::1", "[::1]:8080", "[::1]:8080"),
        ("http://[::1]", false, "::1", "[::1]", "[::1]:80"),
    ])
    func aURLIsTakenApart(url: String, isSecure: Bool, host: String, authority: String, address: String) throws {
        let target = try BenchTarget(url: url, version: .http2)
        #expect(target.isSecure == isSecure && target.host == host && target.authority == authority)
        #expect("\(target.address)" == address)
    }

    @Test(arguments: [
        "", "127.0.0.1", "ftp://127.0.0.1", "http://", "http://:80", "http://127.0.0.1:x", "https://a:70000",
    ])
    func otherURLsAreRefused(url: String) {
        #expect(throws: BenchError.self) { try BenchTarget(url: url, version: .http1) }
    }

    /// Addresses can be given as with curl's `--resolve`: each entry applies to one host and port.
    @Test func anAddressMayBeGiven() throws {
        let entries = ["other.example:80:127.0.0.9", "bench.example:80:127.0.0.2", "six.example:80:[::1]"]
        func address(_ url: String) throws -> String {
            "\(try BenchTarget(url: url, version: .http1, resolve: entries).address)"
        }
        #expect(try address("http://bench.example") == "127.0.0.2:80")
        #expect(try address("http://six.example") == "[::1]:80")
        #expect(try address("http://127.0.0.3") == "127.0.0.3:80")
    }

    @Test func theReportSaysHowItIsSpokenTo() throws {
        #expect(try BenchTarget(url: "https://127.0.0.1", version: .http2).wording == "HTTP/2 over TLS")
        #expect(try BenchTarget(url: "http://127.0.0.1", version: .http1).wording == "HTTP/1.1 in clear")
    }

    @Test(arguments: [
        ("localhost", "localhost", 443), ("localhost:8443", "localhost", 8443), ("[::1]:80", "::1", 80),
        ("[::1]", "::1", 443),
    ])
    func authoritiesAreSplit(_ authority: String, _ host: String, _ port: Int) throws {
        let parts = try #require(BenchTarget.split(authority, defaultPort: 443))
        #expect(parts.host == host)
        #expect(Int(parts.port) == port)
    }

    @Test(arguments: ["", ":80", "host:port", "host:70000"])
    func badAuthoritiesAreRefused(_ authority: String) {
        #expect(BenchTarget.split(authority, defaultPort: 443) == nil)
    }
}
