// Tests when a list of a name's addresses counts as changed, and how many addresses it keeps.
import Testing

@testable import Transport

@Suite struct AddressListTests {
    private func weighted(_ host: String, _ port: UInt16 = 80, _ weight: Double = 1) -> WeightedAddress {
        WeightedAddress(ResolvedAddress(host: host, port: port), weight: weight)
    }

    @Test func aNewOrderIsNoChange() {
        let list = AddressList(NameLookup(host: "engine.test", port: 80)) {}
        #expect(list.replace(with: [weighted("10.0.0.10"), weighted("::1"), weighted("10.0.0.9")]))
        #expect(list.addresses.map(\.address.host) == ["10.0.0.9", "10.0.0.10", "::1"], "by number, IPv4 first")
        #expect(!list.replace(with: [weighted("::1"), weighted("10.0.0.9"), weighted("10.0.0.10")]))
        #expect(!list.replace(with: [weighted("::1"), weighted("10.0.0.9"), weighted("10.0.0.10"), weighted("::1")]))
        #expect(list.replace(with: [weighted("::1"), weighted("10.0.0.9")]))
    }

    @Test func weightsOfOneAddressAreAdded() {
        let list = AddressList(NameLookup(service: "_http._tcp.test")) {}
        #expect(
            list.replace(with: [weighted("10.0.0.1", 80, 2), weighted("10.0.0.1", 81, 4), weighted("10.0.0.1", 80, 3)])
        )
        #expect(list.addresses == [weighted("10.0.0.1", 80, 5), weighted("10.0.0.1", 81, 4)])
        #expect(list.replace(with: [weighted("10.0.0.1", 80, 5), weighted("10.0.0.1", 81, 5)]), "a weight has changed")
    }

    /// If an answer has more addresses than the list may hold, addresses that are already in the list are kept first.
    @Test func tooManyLeaveThoseInUse() {
        let list = AddressList(NameLookup(host: "engine.test", port: 80)) {}
        let late = (0..<200).map { weighted("10.0.1.\($0)") }
        let early = (0..<200).map { weighted("10.0.0.\($0)") }
        #expect(list.replace(with: late) && list.leftOut == 0)
        #expect(list.replace(with: early + late))
        #expect(list.addresses.count == AddressList.addressesMax && list.leftOut == 144)
        #expect(late.allSatisfy(list.addresses.contains))
        #expect(!list.replace(with: late + early), "the same again")
    }
}
