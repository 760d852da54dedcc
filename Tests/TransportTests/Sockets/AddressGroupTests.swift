import Testing

@testable import Transport

@Suite struct AddressGroupTests {
    private func group(_ address: String, port: UInt16 = 1) throws -> AddressGroup {
        let socketAddress = try #require(SocketAddress(numeric: address, port: port))
        return try #require(AddressGroup(socketAddress))
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("255.255.255.255", "255.255.255.255"), ("0.0.0.0", "0.0.0.0"),
        ("::ffff:192.0.2.1", "192.0.2.1"), ("::1", "::/64"),
        ("2001:db8:a:b:c:d:e:f", "2001:db8:a:b::/64"), ("::fffe:192.0.2.1", "::/64"),
    ])
    func anAddressHasAGroup(address: String, text: String) throws {
        #expect(try group(address).description == text)
    }

    @Test func aGroupIsThatOfEveryPortAndInterface() throws {
        #expect(try group("192.0.2.1") == group("192.0.2.1", port: 2))
        #expect(try group("192.0.2.1") != group("192.0.2.2"))
        #expect(try group("2001:db8::1") == group("2001:db8::ffff:0:0:2"))
        #expect(try group("2001:db8::1") != group("2001:db8:0:1::1"))
        // The bits of this IPv6 network are equal to those of the IPv4 address, and yet they are different groups.
        #expect(try group("192.0.2.1") != group("0:0:c000:201::1"))
    }

    @Test func aNetworkOf48BitsIsAroundOneOf64() throws {
        let around = try #require(try group("2001:db8:a:b::1").around)
        #expect(around.description == "2001:db8:a::/48")
        #expect(try group("2001:db8:a:ffff::1").around == around)
        #expect(try group("2001:db8:b::1").around != around)
        #expect(around.around == nil)
        #expect(try group("192.0.2.1").around == nil)
    }

    @Test func aUnixSocketHasNone() throws {
        let address = try #require(SocketAddress(unixPath: "/run/x"))
        #expect(AddressGroup(address) == nil)
    }
}
