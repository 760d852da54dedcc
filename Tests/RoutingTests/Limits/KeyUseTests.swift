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

    /// A request that began under the lower limit neither caps the spending under the raised limit, nor slows its
    /// refill.
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
}
