import Testing

@testable import Transport

@Suite struct AddressRangeTests {
    private func range(_ text: String) throws -> AddressRange { try AddressRange(parsing: text) }
    private func address(_ text: String) -> SocketAddress { SocketAddress(numeric: text, port: 80)! }

    @Test(arguments: [
        ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"], ["9.255.255.255", "11.0.0.0", "::1"]),
        ("10.1.2.3", ["10.1.2.3"], ["10.1.2.2", "10.1.2.4"]), ("0.0.0.0/0", ["1.2.3.4", "::ffff:0:0"], ["::1"]),
        ("192.168.4.0/22", ["192.168.4.0", "192.168.7.255"], ["192.168.3.255", "192.168.8.0"]),
        ("127.0.0.1/32", ["127.0.0.1"], ["127.0.0.2"]), ("::/0", ["::1", "fe80::1"], ["1.2.3.4"]),
        ("fd00::/8", ["fdff::1", "fd00::"], ["fe00::", "fc00::1"]), ("::1", ["::1"], ["::2", "127.0.0.1"]),
        ("2001:db8:0:10::/60", ["2001:db8:0:1f::9"], ["2001:db8:0:20::", "2001:db8:0:f::"]),
        ("::ffff:10.0.0.0/104", ["10.9.9.9"], ["11.0.0.0"]), ("::ffff:10.0.0.1", ["10.0.0.1"], ["10.0.0.2"]),
    ]) func aRangeHasTheAddressesThatBeginAlike(text: String, inside: [String], outside: [String]) throws {
        let range = try range(text)
        for text in inside { #expect(range.contains(address(text)), "\(text) in \(range)") }
        for text in outside { #expect(!range.contains(address(text)), "\(text) in \(range)") }
        #expect(try self.range("\(range)") == range, "what it prints is what it is")
    }

    @Test func aUnixSocketIsInNone() throws {
        #expect(try !range("0.0.0.0/0").contains(SocketAddress(unixPath: "/x")!))
    }

    @Test(arguments: [
        ("10.0.0.1/8", "write 10.0.0.0/8"), ("fd00::1/8", "write fd00::/8"), ("1.2.3.4/31", "1.2.3.4/31"),
        ("::ffff:10.0.0.1/104", "write 10.0.0.0/8"), ("10.0.0.0/33", "from 0 to 32"), ("::/129", "from 0 to 128"),
        ("10.0.0.0/", "from 0 to 32"), ("10.0.0.0/-1", "from 0 to 32"), ("10.0.0.0/8/8", "from 0 to 32"),
        ("10.0.0.0/+8", "from 0 to 32"), ("", "expected an IP address"), ("/8", "expected an IP address"),
        ("10.0.0/8", "expected an IP address"), ("localhost", "expected an IP address"),
        ("fe80::1%lo", "expected an IP address"), ("[::1]/128", "expected an IP address"),
        ("10.0.0.0\u{0}", "expected an IP address"),
    ]) func whatIsNoRangeIsTold(text: String, why: String) {
        do throws(AddressRange.Problem) {
            let range = try AddressRange(parsing: text)
            #expect("\(range)" == why, "only a range without further bits is taken")
        } catch {
            #expect(error.description.contains(why), "\(error)")
        }
    }
}
