import Configuration
import Testing
import Transport

@testable import Edge

/// Holds an `AddressEntry` in a class, because `#expect` cannot call a mutating function of a struct.
private final class Trial {
    private(set) var entry: AddressEntry

    init() throws {
        let address = try #require(SocketAddress(numeric: "192.0.2.1", port: 1))
        entry = AddressEntry(try #require(AddressGroup(address)))
    }

    func take(
        _ claim: AddressClaim,
        limits: AddressLimits,
        scale: Int = 1,
        at now: Nanoseconds = 0
    ) -> AddressRefusal? {
        entry.take(claim, limits: limits, scale: scale, at: now)
    }
    func release(_ holdings: AddressHoldings) { entry.release(holdings) }
    func undo(_ claim: AddressClaim) { entry.undo(claim, of: entry.group) }
    func noteKnown(at now: Nanoseconds) { entry.noteKnown(at: now) }
    var held: AddressHoldings { entry.held }
    var isHeld: Bool { entry.isHeld }
}

@Suite struct AddressEntryTests {
    private let second: Nanoseconds = 1_000_000_000

    private func limits(_ change: (inout AddressLimits) -> Void) -> AddressLimits {
        var limits = AddressLimits()
        (limits.newConnections, limits.handshakes) = (nil, nil)
        change(&limits)
        return limits
    }

    @Test func whatIsHeldAtOnceIsLimitedUntilItIsGivenBack() throws {
        let trial = try Trial()
        let limits = limits { ($0.connections, $0.handshakes) = (3, 2) }
        let secure = AddressClaim.connection(isSecure: true)
        #expect(trial.take(secure, limits: limits) == nil)
        #expect(trial.take(secure, limits: limits) == nil)
        #expect(trial.take(secure, limits: limits)?.limit == .handshakes)
        #expect(trial.take(.connection(isSecure: false), limits: limits) == nil)
        #expect(trial.take(.connection(isSecure: false), limits: limits)?.limit == .connections)
        trial.release(AddressHoldings(handshakes: 1))
        #expect(trial.held.connections == 3 && trial.held.handshakes == 1)
        trial.release(AddressHoldings(.connection(isSecure: true)))
        #expect(trial.take(secure, limits: limits) == nil)
        trial.release(AddressHoldings(secure))
        for _ in 0..<2 { trial.release(AddressHoldings(.connection(isSecure: false))) }
        #expect(!trial.isHeld)
    }

    @Test func aNetworkMayHaveEightTimesAsMuch() throws {
        let trial = try Trial()
        let limits = limits { ($0.streams, $0.bodyBytes) = (1, 100) }
        for _ in 0..<8 {
            #expect(trial.take(.request, limits: limits, scale: AddressEntry.scaleOfNetwork48) == nil)
        }
        #expect(trial.take(.request, limits: limits, scale: AddressEntry.scaleOfNetwork48)?.limit == .streams)
        #expect(trial.take(.body(800), limits: limits, scale: AddressEntry.scaleOfNetwork48) == nil)
        #expect(trial.take(.body(1), limits: limits, scale: AddressEntry.scaleOfNetwork48)?.limit == .bodyBytes)
    }

    @Test func tenSecondsOfNewConnectionsMayComeAtOnceAndThenTheRate() throws {
        let trial = try Trial()
        let limits = limits { $0.newConnections = 2 }
        func take(at now: Nanoseconds) -> AddressRefusal? {
            defer { trial.release(trial.held) }
            return trial.take(.connection(isSecure: false), limits: limits, at: now)
        }
        for _ in 0..<20 { #expect(take(at: second) == nil) }
        let refused = try #require(take(at: second))
        #expect(refused.limit == .newConnections && refused.wait == second / 2)
        #expect(take(at: second + second / 2) == nil)
        #expect(take(at: second + second / 2)?.limit == .newConnections)
        for _ in 0..<20 { #expect(take(at: 60 * second) == nil) }
    }

    @Test func unknownKeysAreCountedByTheMinute() throws {
        let trial = try Trial()
        let limits = limits { $0.unknownKeys = 2 }
        for _ in 0..<2 { #expect(trial.take(.unknownKey, limits: limits, at: second) == nil) }
        let refused = try #require(trial.take(.unknownKey, limits: limits, at: second))
        #expect(refused.limit == .unknownKeys && refused.wait == 30 * second)
        #expect(!trial.isHeld, "a request without a valid key holds nothing")
    }

    @Test func anUndoneClaimLeavesNothing() throws {
        let trial = try Trial()
        let limits = limits { ($0.requests, $0.streams) = (1, 100) }
        for _ in 0..<100 {
            #expect(trial.take(.request, limits: limits, at: second) == nil)
            trial.undo(.request)
        }
        #expect(!trial.isHeld)
    }

    @Test func aRefusalIsNewsOnceAMinuteForEachLimit() throws {
        let trial = try Trial()
        let limits = limits { ($0.streams, $0.connections) = (1, 1) }
        for claim in [AddressClaim.request, .connection(isSecure: false)] {
            #expect(trial.take(claim, limits: limits, at: second) == nil)
            #expect(trial.take(claim, limits: limits, at: second)?.isNews == true)
            #expect(trial.take(claim, limits: limits, at: 2 * second)?.isNews == false)
        }
        #expect(trial.take(.request, limits: limits, at: 60 * second)?.isNews == false)
        #expect(trial.take(.request, limits: limits, at: 61 * second)?.isNews == true)
        #expect(trial.take(.request, limits: limits, at: 62 * second)?.isNews == false)
    }

    @Test func anAddressIsKnownForTenMinutes() throws {
        let trial = try Trial()
        #expect(!trial.entry.isKnown(at: 0))
        trial.noteKnown(at: second)
        #expect(trial.entry.isKnown(at: 600 * second) && !trial.entry.isKnown(at: 601 * second))
        #expect(!trial.isHeld, "a note holds nothing")
    }
}
