// IP addresses as values.
import Testing

@testable import Transport

@Suite struct IPAddressTests {
    private func ip(_ text: String) -> IPAddress? { IPAddress(parsing: text) }

    @Test(arguments: ["0.0.0.0", "1.2.3.4", "255.255.255.255", "::", "::1", "2001:db8::ff", "fe80::1"])
    func aTextIsReadAndWritten(_ text: String) throws {
        let address = try #require(ip(text))
        #expect("\(address)" == text)
        #expect(IPAddress(SocketAddress(address, port: 80)) == address)
        #expect(SocketAddress(address, port: 80) == SocketAddress(numeric: text, port: 80))
        #expect(SocketAddress(numeric: text, port: 1).flatMap { IPAddress($0) } == address)
    }

    @Test func aMappedAddressIsTheIPv4One() {
        #expect(ip("::ffff:1.2.3.4") == ip("1.2.3.4"))
        #expect(ip("::ffff:102:304") == ip("1.2.3.4"))
        #expect(SocketAddress(numeric: "::ffff:1.2.3.4", port: 1).flatMap { IPAddress($0) } == ip("1.2.3.4"))
        #expect(ip("1.2.3.4")?.isIPv4 == true)
        #expect(ip("::1.2.3.4")?.isIPv4 == false)
    }

    @Test(arguments: [
        "", "1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "fe80::1%eth0", "[::1]", "1.2.3.4:80", "1.2.3.4\0", "::g",
    ])
    func otherTextsAreRefused(_ text: String) { #expect(ip(text) == nil) }

    @Test func aPrefixKeepsTheFirstBits() {
        #expect(ip("10.1.2.3")?.prefix(104) == ip("10.0.0.0"))
        #expect(ip("10.1.2.3")?.prefix(96) == ip("0.0.0.0"))
        #expect(ip("10.1.2.3")?.prefix(128) == ip("10.1.2.3"))
        #expect(ip("2001:db8:1:2:3::4")?.prefix(64) == ip("2001:db8:1:2::"))
        #expect(ip("2001:db8:1:2:3::4")?.prefix(48) == ip("2001:db8:1::"))
        #expect(ip("2001:db8::4")?.prefix(0) == ip("::"))
    }

    @Test func aUnixSocketHasNone() { #expect(IPAddress(SocketAddress(unixPath: "/x")!) == nil) }
}
