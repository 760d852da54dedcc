import Configuration
import Testing
import Transport

@testable import Edge

@Suite struct AddressHoldTests {
    private let table = AddressTable()
    private let address = SocketAddress(numeric: "2001:db8::1", port: 1)!

    private func hold(_ claim: AddressClaim) throws -> AddressHold {
        let hold = try table.hold(claim, for: address, limits: AddressLimits(), at: 0)
        return try #require(hold)
    }

    private var held: AddressHoldings? { table.held(by: address) }

    @Test func aHandshakeEndsOnceAndTheConnectionLater() throws {
        let hold = try hold(.connection(isSecure: true))
        #expect(held?.connections == 1 && held?.handshakes == 1)
        for _ in 0..<2 {
            hold.handshakeEnded()
            #expect(held?.connections == 1 && held?.handshakes == 0)
        }
        for _ in 0..<2 {
            hold.end()
            #expect(held?.isEmpty == true)
        }
    }

    @Test func aConnectionThatEndsInItsHandshakeGivesBothBack() throws {
        let hold = try hold(.connection(isSecure: true))
        hold.end()
        #expect(held?.isEmpty == true)
    }

    @Test func aHoldThatIsForgottenGivesEverythingBack() throws {
        var hold: AddressHold? = try hold(.request)
        try hold?.growBody(to: 1, limits: AddressLimits(), at: 0)
        #expect(held?.streams == 1 && held?.bodyBytes == 64 << 10)
        hold = nil
        #expect(held?.isEmpty == true)
    }

    @Test func aBodyIsCountedInStepsAndRefusedBeyondTheLimit() throws {
        var limits = AddressLimits()
        limits.bodyBytes = 128 << 10
        let (one, other) = (try hold(.request), try hold(.request))
        try one.growBody(to: 10, limits: limits, at: 0)
        try one.growBody(to: 64 << 10, limits: limits, at: 0)
        #expect(held?.bodyBytes == 64 << 10)
        try other.growBody(to: 1, limits: limits, at: 0)
        let refusal = #expect(throws: AddressRefusal.self) {
            try one.growBody(to: (64 << 10) + 1, limits: limits, at: 0)
        }
        #expect(refusal?.limit == .bodyBytes)
        #expect(held?.bodyBytes == 128 << 10, "a refusal counts nothing")
        other.releaseBody()
        try one.growBody(to: (64 << 10) + 1, limits: limits, at: 0)
        #expect(held?.streams == 2 && held?.bodyBytes == 128 << 10)
        one.end()
        other.end()
        #expect(held?.isEmpty == true)
    }
}
