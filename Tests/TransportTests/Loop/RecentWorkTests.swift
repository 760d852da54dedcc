// A channel whose client has lately caused much work yields: the loop reads it after all others.
import LoopTesting
import Testing

@testable import Transport

@Suite struct RecentWorkTests {
    private let start = 1000 * second

    private func work(_ pieces: Int, of work: Nanoseconds, every interval: Nanoseconds = 0) -> (RecentWork, Nanoseconds)
    {
        var recent = RecentWork()
        var now = start
        for _ in 0..<pieces {
            now += interval
            recent.add(work, at: now)
        }
        return (recent, now)
    }

    @Test func aNewChannelDoesNotYield() { #expect(!RecentWork().isMuch(at: 0) && !RecentWork().isMuch(at: start)) }

    @Test func tenRequestsAtOnceDoNotYieldAndOneMoreDoes() {
        #expect(!work(10, of: RecentWork.request).0.isMuch(at: start))
        #expect(work(11, of: RecentWork.request).0.isMuch(at: start))
    }

    @Test func requestsWithPausesNeverYield() {
        // 90 requests a second for one minute.
        let (recent, now) = work(5400, of: RecentWork.request, every: second / 90)
        #expect(!recent.isMuch(at: now))
    }

    @Test func moreThanAHundredRequestsASecondYieldAfterAWhile() {
        let (recent, now) = work(400, of: RecentWork.request, every: second / 150)
        #expect(recent.isMuch(at: now))
    }

    @Test func aRefusalDoesNotYieldAndTwoAtOnceDo() {
        let refused = RecentWork.request + RecentWork.refusal
        #expect(!work(1, of: refused).0.isMuch(at: start))
        #expect(work(2, of: refused).0.isMuch(at: start))
    }

    @Test func aRefusalASecondNeverYields() {
        let (recent, now) = work(600, of: RecentWork.request + RecentWork.refusal, every: second)
        #expect(!recent.isMuch(at: now))
    }

    @Test(arguments: [2, 100_000]) func aSecondAfterTheLastWorkNoChannelYields(pieces: Int) {
        let (recent, now) = work(pieces, of: RecentWork.request + RecentWork.refusal)
        #expect(recent.isMuch(at: now))
        #expect(!recent.isMuch(at: now + second))
    }

    @Test func aFloodIsRememberedForMostOfASecond() {
        let (recent, now) = work(1000, of: RecentWork.request)
        #expect(recent.isMuch(at: now + 900_000_000))
    }
}
