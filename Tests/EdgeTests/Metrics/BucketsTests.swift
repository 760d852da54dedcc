// The bucket bounds of the histograms: in ascending order, with the bounds that the dashboards rely on.
import Testing

@testable import Edge

@Suite struct BucketsTests {
    @Test(arguments: [
        Buckets.firstToken, Buckets.duration, Buckets.gap, Buckets.queueWait, Buckets.overhead, Buckets.tokens,
    ])
    func theBoundsGrow(bounds: [UInt64]) {
        #expect(bounds == Array(Set(bounds)).sorted() && (bounds.first ?? 0) > 0)
    }

    @Test func theySpanWhatTheySay() {
        let millisecond: UInt64 = 1_000_000
        #expect(Buckets.firstToken.first == millisecond && Buckets.firstToken.last == 120_000 * millisecond)
        #expect(Buckets.duration.last == 600_000 * millisecond)
        #expect(Buckets.gap.first == millisecond / 10 && Buckets.gap.last == 10_000 * millisecond)
        #expect(Buckets.overhead.first == millisecond / 100 && Buckets.overhead.last == 1000 * millisecond)
        #expect(Buckets.tokens.first == 1 && Buckets.tokens.last == 67_108_864)
    }
}
