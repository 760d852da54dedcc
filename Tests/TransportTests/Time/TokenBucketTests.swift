import Testing
import Transport

private let second: Nanoseconds = 1_000_000_000

@Suite struct TokenBucketTests {
    @Test func aLimitIsThereAtOnceAndFlowsBackEvenly() {
        var bucket = TokenBucket()
        for _ in 0..<60 { #expect(bucket.take(1, of: 60, at: second) == nil) }
        #expect(bucket.take(1, of: 60, at: second) == second)
        #expect(bucket.remaining(of: 60, at: second) == 0)
        #expect(bucket.reset(of: 60, at: second) == 60 * second)
        #expect(bucket.take(1, of: 60, at: 2 * second) == nil)
        #expect(bucket.take(1, of: 60, at: 2 * second) != nil)
        #expect(bucket.remaining(of: 60, at: 12 * second) == 10)
        #expect(bucket.remaining(of: 60, at: 10_000 * second) == 60)
        #expect(bucket.reset(of: 60, at: 10_000 * second) == 0)
    }

    @Test func theWaitIsLongEnoughAndNoLonger() throws {
        var bucket = TokenBucket()
        #expect(bucket.take(100, of: 120, at: second) == nil)
        let needed = bucket.take(80, of: 120, at: second)
        let wait = try #require(needed)
        #expect(wait == 30 * second)
        #expect(bucket.take(80, of: 120, at: second + wait - second / 10) != nil)
        #expect(bucket.take(80, of: 120, at: second + wait) == nil)
    }

    @Test func moreThanTheLimitNeverFits() {
        var bucket = TokenBucket()
        #expect(bucket.take(121, of: 120, at: second) == .max)
        #expect(bucket.take(120, of: 120, at: second) == nil)
    }

    @Test func whatIsSettledComesBackOrIsOwed() {
        var bucket = TokenBucket()
        #expect(bucket.take(100, of: 100, at: second) == nil)
        bucket.adjust(by: -90, of: 100, at: second)
        #expect(bucket.remaining(of: 100, at: second) == 90)
        bucket.adjust(by: 140, of: 100, at: second)
        #expect(bucket.remaining(of: 100, at: second) == 0)
        #expect(bucket.take(50, of: 100, at: second) == 60 * second)
        bucket.adjust(by: -1000, of: 100, at: second)
        #expect(bucket.remaining(of: 100, at: second) == 100)
    }

    @Test func aChangedLimitHoldsFromTheNextQuestionOn() {
        var bucket = TokenBucket()
        #expect(bucket.take(10, of: 10, at: second) == nil)
        #expect(bucket.take(1, of: 10, at: second) != nil)
        #expect(bucket.take(5, of: 15, at: second) == nil)
        #expect(bucket.remaining(of: 10, at: second) == 0)
    }

    @Test func aClockThatIsBehindTakesNothingBack() {
        var bucket = TokenBucket()
        #expect(bucket.take(10, of: 10, at: 100 * second) == nil)
        #expect(bucket.take(1, of: 10, at: 99 * second) != nil)
        #expect(bucket.remaining(of: 10, at: 50 * second) == 0)
    }

    /// A bucket falls at most one full limit below zero, however many tokens an executor reports.
    ///
    /// Otherwise one report could exceed what a small limit refills in hours.
    @Test func aDebtIsNeverMoreThanOneLimit() throws {
        var bucket = TokenBucket()
        bucket.adjust(by: 1 << 40, of: 10, at: second)
        #expect(bucket.reset(of: 10, at: second) == 120 * second)
        #expect(bucket.remaining(of: 10, at: second) == 0)
        #expect(bucket.take(1, of: 10, at: second) == 66 * second)
        #expect(bucket.take(1, of: 10, at: 66 * second) == second)
        #expect(bucket.take(1, of: 10, at: 67 * second) == nil)
        #expect(bucket.remaining(of: 10, at: 126 * second) == 9)
    }

    /// After a limit is lowered, earlier spending puts the bucket at most one new limit below zero.
    ///
    /// The bucket refills for the time that has passed since the spending.
    @Test func aLimitThatIsLoweredLocksNobodyOut() {
        var bucket = TokenBucket()
        #expect(bucket.take(1_000_000, of: 1_000_000, at: second) == nil)
        #expect(bucket.take(1, of: 10, at: second) == 66 * second)
        var other = TokenBucket()
        #expect(other.take(1_000_000, of: 1_000_000, at: second) == nil)
        #expect(other.remaining(of: 10, at: 121 * second) == 10)
    }

    /// Tokens that are counted at the end of a ten-minute response count as spent at that moment, not at its beginning.
    @Test func whatIsSettledLateIsNotForgiven() {
        var bucket = TokenBucket()
        #expect(bucket.take(60, of: 60, at: second) == nil)
        bucket.adjust(by: 60, of: 60, at: 601 * second)
        #expect(bucket.remaining(of: 60, at: 601 * second) == 0)
        #expect(bucket.remaining(of: 60, at: 661 * second) == 60)
    }

    @Test func aRecordCarriesABucketToAnotherClock() {
        var bucket = TokenBucket()
        #expect(bucket.take(40, of: 60, at: 1000 * second) == nil)
        let record = bucket.record(at: 1010 * second)
        #expect(record == TokenBucket.Record(spent: 40, age: 10 * second))
        var other = TokenBucket()
        other.restore(record, at: 50 * second)
        #expect(other.remaining(of: 60, at: 50 * second) == 30)
        // A record may be older, here 90 s, than the time that the other clock shows, here 50 s.
        other.restore(TokenBucket.Record(spent: 40, age: 90 * second), at: 50 * second)
        #expect(other.remaining(of: 60, at: 50 * second) == 60)
        other.restore(TokenBucket.Record(spent: -5), at: 50 * second)
        #expect(other.remaining(of: 60, at: 50 * second) == 60)
        #expect(TokenBucket().record(at: 5 * second) == TokenBucket.Record())
    }
}
