// The grammar of `host[:port]`, and when two authorities are equal.
import Testing

@testable import HTTP

@Suite struct AuthorityTests {
    @Test(arguments: [
        "a", "example.org", "example.org:443", "example.org:", "example.org:65535", "192.0.2.1:80", "[::1]", "[::1]:80",
        "[::ffff:192.0.2.1]:8080", "a%20b", "a_b-c~d", "x!$&'()*+,;=y", "a:0",
    ])
    func anAuthorityIsTaken(text: String) { #expect(isAuthority(Array(text.utf8))) }

    @Test(arguments: [
        "", ":", ":80", "a:65536", "a:99999", "a:123456", "a:8x", "a:-1", "user@host", "a b", "a/b", "a?b", "a#b",
        "a%2", "a%zz", "a%", "[::1", "[::1]x", "[::1]80", "[]", "[1]", "[g::1]", "[12]:80", "::1", "a\u{0}", "é",
    ])
    func otherTextsAreRefused(text: String) { #expect(!isAuthority(Array(text.utf8))) }

    @Test(arguments: [
        ("a", "A", false), ("a:80", "a", false), ("a", "a:80", false), ("a:443", "a", true), ("a:", "a", true),
        ("a:080", "a:80", false), ("[::1]:443", "[::1]", true), ("[::A]", "[::a]:80", false),
    ])
    func theUsualPortMayBeLeftOut(one: String, other: String, isSecure: Bool) {
        #expect(isSameAuthority(Array(one.utf8)[...], Array(other.utf8)[...], isSecure: isSecure))
    }

    @Test(arguments: [
        ("a", "b", false), ("a:80", "a", true), ("a:443", "a", false), ("a:81", "a:82", false), ("a", "a.", false),
        ("[::1]", "[::2]", false), ("[::1]:1", "[::1]:2", false),
    ])
    func anotherHostOrPortIsAnother(one: String, other: String, isSecure: Bool) {
        #expect(!isSameAuthority(Array(one.utf8)[...], Array(other.utf8)[...], isSecure: isSecure))
    }
}
