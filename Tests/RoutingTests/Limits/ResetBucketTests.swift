// Tests the limit of how often a client may cancel (reset) requests before their answers begin.
import Testing
import Transport

@testable import Routing

@Suite struct ResetBucketTests {
    private static let second: Nanoseconds = 1_000_000_000

    /// Counts this many cancelled requests at `now`; returns for how many of them the bucket asked for a warning.
    private func count(_ resets: Int, of most: Int = 60, at now: Nanoseconds, in bucket: inout ResetBucket) -> Int {
        (0..<resets).count { _ in bucket.count(of: most, at: now) }
    }

    @Test func aClientIsRefusedUntilATokenIsThereAgain() {
        var bucket = ResetBucket()
        let start = 10 * Self.second
        #expect(count(59, at: start, in: &bucket) == 0)
        #expect(bucket.refusedUntil == 0)
        #expect(count(1, at: start, in: &bucket) == 1)
        #expect(bucket.refusedUntil == start + Self.second, "60 a minute are one a second")
    }

    @Test func requestsUnderWayProlongTheRefusalByAMinuteAtMost() {
        var bucket = ResetBucket()
        #expect(count(65, at: Self.second, in: &bucket) == 1)
        #expect(bucket.refusedUntil == 7 * Self.second)
        #expect(count(10_000, at: Self.second, in: &bucket) == 0)
        #expect(bucket.refusedUntil == (1 + 61) * Self.second)
    }

    @Test func whoStaysBelowTheRateIsNeverRefused() {
        var bucket = ResetBucket()
        for second in 1...600 {
            #expect(count(1, at: Nanoseconds(second) * Self.second, in: &bucket) == 0)
            #expect(bucket.refusedUntil == 0)
        }
    }

    @Test func aWarningIsDueOnceAMinute() {
        var bucket = ResetBucket()
        var warnings: [Int] = []
        for second in 1...180 where count(100, at: Nanoseconds(second) * Self.second, in: &bucket) > 0 {
            warnings.append(second)
        }
        #expect(warnings == [1, 61, 121])
    }

    @Test func aHigherLimitEndsTheRefusalWithTheNextReset() {
        var bucket = ResetBucket()
        #expect(count(60, at: Self.second, in: &bucket) == 1)
        #expect(count(1, of: 1000, at: Self.second, in: &bucket) == 0)
        #expect(bucket.refusedUntil == 0)
    }
}
