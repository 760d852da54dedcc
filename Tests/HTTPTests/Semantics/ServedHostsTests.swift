// Which values of `host` match the host names that a listener serves.
import Testing

@testable import HTTP

@Suite struct ServedHostsTests {
    @Test(
        arguments: [
            ("api.example.org", true), ("API.Example.ORG", true), ("api.example.org.", true),
            ("api.example.org:443", true), ("api.example.org.:8443", true), ("a.wild.example", true),
            ("192.0.2.1", true), ("192.0.2.1:80", true), ("[2001:db8::1]", true), ("[2001:DB8:0::1]:443", true),
            ("example.org", false), ("x.api.example.org", false), ("api.example.org..", false), ("", false),
            ("a.b.wild.example", false), ("wild.example", false), (".wild.example", false), ("*.wild.example", false),
            ("192.0.2.2", false), ("[2001:db8::2]", false), ("2001:db8::1", false), ("api.example.org@evil", false),
            ("api.example%2eorg", false), (":443", false), ("[", false), ("[]", false),
        ] as [(String, Bool)]
    )
    func anAuthorityIsServedOrNot(authority: String, isServed: Bool) throws {
        let names = ["Api.example.org.", "*.wild.example", "192.0.2.1", "[2001:db8:0:0::1]"]
        let hosts = ServedHosts(try names.map { try #require(ServedHosts.canonical($0)) })
        #expect(hosts.serves(Array(authority.utf8)) == isServed)
    }

    @Test(arguments: [
        "", ".", "*", "*.", "a..b", "a.*.b", "*a.example", "a b", "a:80", "https://a", "a/b", "[::1", "::1%eth0",
        "a\u{e4}",
        String(repeating: "a", count: 64), String(repeating: "a.", count: 127) + "b",
    ])
    func whatIsNoNameIsTold(name: String) { #expect(ServedHosts.canonical(name) == nil) }
}
