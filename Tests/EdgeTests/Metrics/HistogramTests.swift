import Testing

@testable import Edge

@Suite struct HistogramTests {
    /// Checks that a histogram counts a value in the right bucket, which the test finds by a linear search.
    ///
    /// The values are those at and next to every bound, and random ones.
    @Test(arguments: [
        Buckets.firstToken, Buckets.duration, Buckets.gap, Buckets.queueWait, Buckets.overhead, Buckets.tokens,
    ])
    func everyValueIsInItsBucket(bounds: [UInt64]) {
        #expect(bounds == bounds.sorted() && Set(bounds).count == bounds.count)
        var random = SystemRandomNumberGenerator()
        var values: [UInt64] = [0, 1, .max] + bounds.flatMap { [$0 - 1, $0, $0 + 1] }
        for _ in 0..<2000 { values.append(UInt64.random(in: 0...(.max), using: &random) >> UInt64.random(in: 0...63)) }
        for value in values {
            var histogram = Histogram(bounds: bounds)
            histogram.observe(value)
            let place = bounds.firstIndex { value <= $0 } ?? bounds.count
            #expect(histogram.counts[place] == 1, "\(value)")
            #expect(histogram.count == 1 && histogram.sum == value)
        }
    }

    @Test func twoAddUp() {
        var one = Histogram(bounds: [10, 20])
        var other = one
        for value: UInt64 in [5, 10, 15] { one.observe(value) }
        for value: UInt64 in [20, 21] { other.observe(value) }
        one.add(other)
        #expect(one.counts == [2, 2, 1])
        #expect(one.sum == 71)
    }

    @Test func theRangesAreThoseOfTheIssue() {
        #expect(Buckets.firstToken.first == 1_000_000 && Buckets.firstToken.last == 120_000_000_000)
        #expect(Buckets.gap.first == 100_000 && Buckets.gap.last == 10_000_000_000)
        #expect(Buckets.overhead.first == 10_000 && Buckets.overhead.last == 1_000_000_000)
        #expect(
            Buckets.tokens == [
                1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864,
            ]
        )
    }
}
