// Tests how the bench computes percentiles of durations, in milliseconds.
import Testing

@testable import Bench

@Suite struct DistributionTests {
    private func distribution(_ nanoseconds: [UInt64]) -> Distribution {
        var distribution = Distribution()
        for value in nanoseconds { distribution.record(value) }
        return distribution
    }

    @Test func ofNothingAllFiguresAreZero() {
        let empty = Distribution()
        #expect(empty.count == 0 && empty.percentile(50) == 0 && empty.maximum == 0)
        #expect(empty.columns == [String](repeating: "0.000", count: 5))
    }

    @Test func theMeanIsExact() {
        #expect(Distribution().mean == 0)
        #expect(distribution([1_000_000, 2_000_000, 600_000_000_000]).mean == 200_001)
    }

    @Test func theRangeMayBeLarger() {
        var found = Distribution(highest: 3_600_000_000_000)
        found.record(1_800_000_000_000)
        #expect(abs(found.percentile(50) - 1_800_000) <= 1_800)
    }

    /// Percentiles have three significant digits, so each may be off by at most a thousandth.
    @Test func percentilesAreThoseOfTheSortedDurations() {
        let found = distribution((1...1000).map { $0 * 1_000_000 })
        #expect(found.count == 1000)
        for (percentile, expected) in [(50.0, 500.0), (90, 900), (99, 990), (99.9, 999)] {
            #expect(abs(found.percentile(percentile) - expected) <= expected / 1000 + 0.001, "\(percentile)")
        }
        #expect(found.maximum == 1000)
    }

    @Test func noPercentileIsAboveTheLongest() {
        let one = distribution([1_234_567])
        #expect(one.percentile(50) <= one.maximum && one.percentile(99.9) <= one.maximum)
        #expect(one.maximum == 1.2346)
    }

    /// A duration beyond two minutes counts as two minutes, except in the maximum.
    @Test func aDurationBeyondTheRangeIsCounted() {
        let found = distribution([1_000_000, 600_000_000_000])
        #expect(found.count == 2 && found.maximum == 600_000)
        #expect(abs(found.percentile(100) - 120_000) <= 120)
    }
}
