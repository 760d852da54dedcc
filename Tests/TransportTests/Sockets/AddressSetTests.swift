// Sets of addresses that are given by ranges.
import Testing

@testable import Transport

@Suite struct AddressSetTests {
    private func set(_ texts: [String], hasUnix: Bool = false) throws -> AddressSet {
        AddressSet(try texts.map { try AddressRange(parsing: $0) }, unixPeers: hasUnix)
    }
    private func address(_ text: String) -> SocketAddress { SocketAddress(numeric: text, port: 80)! }

    @Test func rangesThatOverlapAreOne() throws {
        let set = try set(["10.0.0.0/8", "10.2.0.0/16", "10.0.0.1", "192.168.0.0/16", "fd00::/8"])
        for text in ["10.0.0.0", "10.2.3.4", "10.255.255.255", "192.168.1.1", "fdff::1", "::ffff:10.0.0.1"] {
            #expect(set.contains(address(text)), "\(text)")
        }
        for text in ["9.255.255.255", "11.0.0.0", "192.169.0.0", "fe00::", "::1"] {
            #expect(!set.contains(address(text)), "\(text)")
        }
    }

    @Test func familiesAreSeparate() throws {
        #expect(try !set(["::/0"]).contains(address("1.2.3.4")))
        #expect(try !set(["0.0.0.0/0"]).contains(address("::1")))
    }

    @Test func thePeersOfUnixSocketsBelongIfNamed() throws {
        let peer = SocketAddress(unixPath: "/x")!
        #expect(try set([], hasUnix: true).contains(peer))
        #expect(try !set(["0.0.0.0/0"]).contains(peer))
        #expect(AddressSet().isEmpty)
    }

    @Test func tenThousandRangesAreAllFound() throws {
        let texts = (0..<10_000).map { "10.\($0 / 250).\($0 % 250).128/25" }
        let set = try set(texts.shuffled())
        for index in 0..<10_000 {
            #expect(set.contains(address("10.\(index / 250).\(index % 250).129")))
            #expect(!set.contains(address("10.\(index / 250).\(index % 250).127")))
        }
    }
}
