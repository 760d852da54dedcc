// How fast an executor computes prompts (its rate of prefill), estimated from the measured times.
import Testing

@testable import Routing

@Suite struct PrefillRateTests {
    @Test func theRateIsUnknownUntilEnoughIsMeasured() {
        var rate = PrefillRate()
        rate.measured(1000, in: 1)
        rate.measured(100_000, in: 1_000_000_000)
        #expect(rate.bytesPerSecond == nil)
        rate.measured(100_000, in: 1_000_000_000)
        #expect(rate.bytesPerSecond == 100_000)
        rate.measured(100_000, in: 0)
        #expect(rate.bytesPerSecond == 100_000)
        // If an executor becomes ten times slower, the estimate is soon ten times lower.
        for _ in 0..<60 { rate.measured(100_000, in: 10_000_000_000) }
        #expect(rate.bytesPerSecond.map { $0 < 11_000 } == true)
    }
}
