import Testing

@testable import Edge

/// Tests which host names the admin listener accepts in requests.
@Suite struct AdminHostTests {
    private func isAllowed(_ host: String) -> Bool {
        AdminHost.isAllowed(Array(host.utf8), hosts: ["metrics.example.org"])
    }

    @Test(arguments: [
        "", "localhost", "LocalHost:9901", "localhost.", "a.b.localhost:80", "127.0.0.1", "127.0.0.1:9901",
        "10.0.0.7:9901", "[::1]", "[::1]:9901", "[2001:DB8::1]:1", "metrics.example.org", "Metrics.Example.org:9901",
        "metrics.example.org.",
    ]) func loopbackAddressesAndNamedHostsAreAnswered(host: String) { #expect(isAllowed(host)) }

    @Test(arguments: [
        "evil.example", "evil.example:9901", "localhost.evil.example", "xlocalhost", "127.0.0.1.evil.example",
        "metrics.example.org.evil", "x.metrics.example.org", "[::1", "[localhost]", "[]", ".", ":9901", "0x7f000001",
        "2130706433", "[evil.example]:1", "\u{ff}",
    ]) func everyOtherNameIsNot(host: String) { #expect(!isAllowed(host)) }
}
