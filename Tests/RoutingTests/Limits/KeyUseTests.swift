import Glibc
import Synchronization
import Testing
import Transport

@testable import Routing

private let second: Nanoseconds = 1_000_000_000

@Suite struct KeyUseTests {
    @Test func placesAreGivenBack() {
        let use = KeyUse()
        let limits = KeyLimits(concurrency: 2)
        #expect(use.begin(limits, at: 0) == nil)
        #expect(use.begin(limits, at: 0) == nil)
        #expect(use.begin(limits, at: 0) == .concurrency)
        #expect(use.running == 2)
        use.ended()
        #expect(use.begin(limits, at: 0) == nil)
    }

    @Test func aRequestThatHasNoPlaceDoesNotCount() {
        let use = KeyUse()
        let limits = KeyLimits(concurrency: 1, requestsPerMinute: 2)
        #expect(use.begin(limits, at: second) == nil)
        for _ in 0..<5 { #expect(use.begin(limits, at: second) == .concurrency) }
        use.ended()
        #expect(use.begin(limits, at: second) == nil)
        use.ended()
        #expect(use.begin(limits, at: second) == .requests(wait: 30 * second))
        #expect(use.running == 0)
        #expect(use.requestRate(limits, at: second) == .init(limit: 2, remaining: 0, reset: 60 * second))
    }

    @Test func tokensAreReservedAndSettled() {
        let use = KeyUse()
        let limits = KeyLimits(tokensPerMinute: 600)
        #expect(use.reserve(500, limits, at: second) == nil)
        #expect(use.reserve(200, limits, at: second) == .tokens(wait: 10 * second))
        #expect(use.reserve(601, limits, at: second) == .tokens(wait: .max))
        use.settle(reserved: 500, used: 20, limits, at: second)
        #expect(use.tokenRate(limits, at: second) == .init(limit: 600, remaining: 580, reset: 2 * second))
        #expect(use.reserve(200, limits, at: second) == nil)
    }

    /// A reload raises a key's limit while a request of before still runs.
    ///
    /// The raised limit applies completely at once, also when the older request ends.
    @Test func aRaisedLimitHoldsForWhatRuns() {
        let use = KeyUse()
        let (low, high) = (KeyLimits(requestsPerMinute: 10, tokensPerMinute: 1000), KeyLimits(tokensPerMinute: 100_000))
        #expect(use.begin(low, at: second) == nil && use.reserve(900, low, at: second) == nil)
        #expect(use.begin(high, at: second) == nil && use.reserve(90_000, high, at: second) == nil)
        #expect(use.tokenRate(low, at: second)?.remaining == 9100)
        use.settle(reserved: 900, used: 100, low, at: second)
        #expect(use.tokenRate(high, at: second)?.remaining == 9900)
        #expect(use.reserve(950, low, at: second) == nil)
        #expect(use.reserve(10_000, high, at: second) != nil)
        #expect(use.requestRate(low, at: second)?.remaining == 9)
    }

    @Test func withoutLimitsNothingIsCountedButPlaces() {
        let use = KeyUse()
        for _ in 0..<1000 { #expect(use.begin(KeyLimits(), at: 0) == nil) }
        #expect(use.reserve(1 << 50, KeyLimits(), at: 0) == nil)
        #expect(use.requestRate(KeyLimits(), at: 0) == nil && use.tokenRate(KeyLimits(), at: 0) == nil)
        #expect(use.running == 1000)
    }

    @Test func resetsAreCountedApartFromAllLimits() {
        let use = KeyUse()
        #expect(use.resetWait(at: second) == 0)
        #expect(!use.countReset(of: 2, at: second))
        #expect(use.resetWait(at: second) == 0)
        #expect(use.countReset(of: 2, at: second))
        #expect(use.resetWait(at: second) == 30 * second)
        #expect(use.resetWait(at: 21 * second) == 10 * second)
        #expect(use.resetWait(at: 31 * second) == 0)
        #expect(use.begin(KeyLimits(concurrency: 1), at: second) == nil)
    }

    // MARK: Other processes

    private func processes() throws -> (SharedCounts, SharedCounts) {
        let one = try SharedCounts.create(rows: 64)
        let column = try #require(one.allot())
        return (one, try SharedCounts.adopt(dup(one.descriptor), column: column))
    }

    @Test func concurrencyHoldsOverAllProcesses() throws {
        let (one, two) = try processes()
        let (old, new) = (KeyUse(), KeyUse())
        let limits = KeyLimits(concurrency: 3, requestsPerMinute: 3)
        #expect(old.begin(limits, at: second) == nil && old.begin(limits, at: second) == nil)
        old.share(in: one, as: "k")
        old.share(in: one, as: "k")
        new.share(in: two, as: "k")
        #expect(new.begin(limits, at: second) == nil)
        #expect(new.begin(limits, at: second) == .concurrency && old.begin(limits, at: second) == .concurrency)
        #expect(new.running == 1 && two.row(for: "k")?.others == 2 && one.row(for: "k")?.others == 1)
        old.ended()
        #expect(old.begin(limits, at: second) == nil)
        old.ended()
        #expect(old.begin(limits, at: second) == .requests(wait: 20 * second), "three have begun")
        #expect(two.row(for: "k")?.others == 1, "the refused one does not count")
        // Processes also report their running exchanges to each other if the key has no limit.
        #expect(new.begin(KeyLimits(), at: second) == nil && one.row(for: "k")?.others == 2)
        old.share(in: nil, as: "k")
        #expect(two.row(for: "k")?.others == 0 && old.running == 1)
        old.ended()
    }

    @Test func anotherIdentityTakesTheCountAlong() throws {
        let (one, two) = try processes()
        let use = KeyUse()
        use.share(in: one, as: "a")
        #expect(use.begin(KeyLimits(), at: 0) == nil)
        use.share(in: one, as: "b")
        #expect(two.row(for: "a")?.others == 0 && two.row(for: "b")?.others == 1)
    }

    /// Two processes share the limit of a key for exchanges at once.
    ///
    /// Their threads race, and never may more exchanges run at once than the limit allows.
    @Test func noTwoProcessesTakeOnePlace() async throws {
        let (one, two) = try processes()
        let (old, new) = (KeyUse(), KeyUse())
        let places = Places()
        await withTaskGroup(of: Void.self) { group in
            for (use, counts) in [(old, one), (old, one), (new, two), (new, two)] {
                group.addTask {
                    use.share(in: counts, as: "k")
                    for _ in 0..<5000 where use.begin(KeyLimits(concurrency: 2), at: 0) == nil {
                        places.take()
                        places.giveBack()
                        use.ended()
                    }
                }
            }
        }
        #expect(places.most <= 2 && places.taken > 0)
        #expect(one.row(for: "k")?.others == 0 && two.row(for: "k")?.others == 0)
    }

    @Test func ratesAreHandedOverAndReported() {
        let (old, new) = (KeyUse(), KeyUse())
        let limits = KeyLimits(requestsPerMinute: 10, tokensPerMinute: 1000)
        for _ in 0..<4 { #expect(old.begin(limits, at: 100 * second) == nil) }
        #expect(old.reserve(300, limits, at: 100 * second) == nil)
        #expect(old.takeUnreported() == nil, "nobody asks yet")
        // The clock of the new process shows another time than that of the old one.
        new.restore(old.record(at: 106 * second), at: 5006 * second)
        #expect(new.requestRate(limits, at: 5006 * second)?.remaining == 7)
        #expect(new.tokenRate(limits, at: 5006 * second)?.remaining == 800)
        #expect(old.takeUnreported() == nil)
        old.settle(reserved: 300, used: 50, limits, at: 106 * second)
        #expect(old.begin(limits, at: 106 * second) == nil)
        #expect(old.reserve(20, limits, at: 106 * second) == nil)
        let use = old.takeUnreported()
        #expect(use == KeyRateUse(requests: 1, tokens: -230) && old.takeUnreported() == nil)
        new.add(use ?? KeyRateUse(), limits, at: 5006 * second)
        #expect(new.requestRate(limits, at: 5006 * second)?.remaining == 6)
        #expect(new.tokenRate(limits, at: 5006 * second)?.remaining == 1000)
        #expect(new.takeUnreported() == nil)
        // The new process hands over to a third process. If an older process then reports more use of the key, the new
        // process passes it on to the third.
        _ = new.record(at: 5006 * second)
        new.add(KeyRateUse(requests: 2, tokens: 5), limits, at: 5006 * second)
        #expect(new.takeUnreported() == KeyRateUse(requests: 2, tokens: 5))
    }

    @Test func refusalsForResetsAreHandedOver() {
        let (old, new) = (KeyUse(), KeyUse())
        _ = old.countReset(of: 2, at: 10 * second)
        _ = old.countReset(of: 2, at: 10 * second)
        new.restore(old.record(at: 20 * second), at: 1000 * second)
        #expect(new.resetWait(at: 1000 * second) == 20 * second)
        new.restore(KeyUseRecord(resets: .init(refusedFor: .max)), at: 1000 * second)
        #expect(new.resetWait(at: 1000 * second) == 120 * second)
    }
}

/// Counts exchanges of a key: how many run now, how many ran at once at most, and how many there were in all.
private final class Places: Sendable {
    private let held = Atomic<Int>(0), high = Atomic<Int>(0), all = Atomic<Int>(0)
    var most: Int { high.load(ordering: .sequentiallyConsistent) }
    var taken: Int { all.load(ordering: .sequentiallyConsistent) }

    func take() {
        high.max(held.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue, ordering: .sequentiallyConsistent)
        all.wrappingAdd(1, ordering: .sequentiallyConsistent)
    }
    func giveBack() { held.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
}
