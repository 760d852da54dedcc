import Configuration
import Testing

@testable import Edge

@Suite struct AddressLimitTests {
    @Test func eachLimitHasItsPlaceAmongTheCounters() {
        #expect(AddressLimit.allCases.map(\.index) == Array(0..<AddressLimit.allCases.count))
        #expect(Set(AddressLimit.allCases.map(\.what)).count == AddressLimit.allCases.count)
    }

    @Test func holdingsAreAddedAndTakenAway() {
        var held = AddressHoldings(.connection(isSecure: true))
        held += AddressHoldings(.request)
        held += AddressHoldings(.body(7))
        held += AddressHoldings(.unknownKey)
        #expect(held.connections == 1 && held.handshakes == 1 && held.streams == 1 && held.bodyBytes == 7)
        held -= AddressHoldings(handshakes: 1, bodyBytes: 7)
        #expect(!held.isEmpty)
        held -= AddressHoldings(.connection(isSecure: false))
        held -= AddressHoldings(.request)
        #expect(held.isEmpty)
    }
}
