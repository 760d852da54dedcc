// Reading the client's address from the header fields that proxies add, such as `x-forwarded-for`.
import Testing
import Transport

@testable import HTTP

@Suite struct ForwardedAddressTests {
    private static let proxies = AddressSet(
        ["10.0.0.0/8", "fd00::/8"].compactMap { try? AddressRange(parsing: $0) }
    )

    private func client(_ source: ClientAddressSource, _ lines: [String]) -> String? {
        let name: StaticString =
            switch source {
            case .cfConnectingIP: "cf-connecting-ip"
            case .forwarded: "forwarded"
            default: "x-forwarded-for"
            }
        var fields = FieldBlock()
        for line in lines { fields.append(name: name.description, value: line) }
        return ForwardedAddress.client(in: fields, from: source, trusted: Self.proxies)?.host
    }

    @Test(arguments: [
        (["192.0.2.1"], "192.0.2.1"), (["6.6.6.6, 192.0.2.1"], "192.0.2.1"),
        (["6.6.6.6, 192.0.2.1, 10.0.0.9"], "192.0.2.1"), (["6.6.6.6", "192.0.2.1, 10.0.0.9", "10.0.0.8"], "192.0.2.1"),
        (["10.0.0.1, 10.0.0.2"], "10.0.0.1"), (["::ffff:192.0.2.1"], "192.0.2.1"), (["2001:db8::7"], "2001:db8::7"),
        (["[2001:db8::7]:443"], "2001:db8::7"), (["192.0.2.1:443"], "192.0.2.1"),
        ([" 192.0.2.1 ,, 10.0.0.1 "], "192.0.2.1"),
        (["unknown, 10.0.0.1"], "10.0.0.1"), (["192.0.2.1, fe80::1%eth0, 10.0.0.1"], "10.0.0.1"),
        (["\"6.6.6.6, 192.0.2.1"], "192.0.2.1"),
    ]) func theFirstFromTheRightThatIsNotTrusted(lines: [String], expected: String) {
        #expect(client(.xForwardedFor, lines) == expected)
    }

    @Test(arguments: [[], [""], ["unknown"], ["192.0.2.1, x"], ["192.0.2.1:70000000"], ["[192.0.2.1]"], ["%"]])
    func noAddressNamesNobody(lines: [String]) { #expect(client(.xForwardedFor, lines) == nil) }

    @Test func aThousandEntriesAreNotAllRead() {
        let many = (0..<1000).map { "10.0.\($0 / 250).\($0 % 250)" }.joined(separator: ", ")
        #expect(client(.xForwardedFor, [many]) == "10.0.3.186", "the walk ends at 64 entries")
        #expect(client(.xForwardedFor, ["6.6.6.6, " + many]) == "10.0.3.186")
    }

    @Test(arguments: [
        (["for=192.0.2.1"], "192.0.2.1"), (["For=\"[2001:db8::7]:4711\";proto=https, for=10.0.0.1"], "2001:db8::7"),
        (["for=6.6.6.6, by=10.0.0.2;for=\"192.0.2.1:80\""], "192.0.2.1"), (["for=\", for=192.0.2.1"], "192.0.2.1"),
        (["for=\"6.6.6.6\\\", for=192.0.2.1"], "192.0.2.1"), (["for=unknown, for=10.0.0.1"], "10.0.0.1"),
    ]) func forwardedIsRead(lines: [String], expected: String) { #expect(client(.forwarded, lines) == expected) }

    @Test(arguments: [
        ["for=unknown"], ["for=_hidden"], ["proto=https"], ["for=1.1.1.1;for=2.2.2.2"], ["for=\"1.1.1.1"], ["x"],
    ])
    func forwardedWithoutAnAddressNamesNobody(lines: [String]) { #expect(client(.forwarded, lines) == nil) }

    @Test func cloudflareNamesOne() {
        #expect(client(.cfConnectingIP, ["192.0.2.1"]) == "192.0.2.1")
        #expect(client(.cfConnectingIP, ["192.0.2.1", "192.0.2.2"]) == nil)
        #expect(client(.cfConnectingIP, ["192.0.2.1, 192.0.2.2"]) == nil)
    }
}
