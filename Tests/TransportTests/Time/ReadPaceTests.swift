// Tests the minimum pace at which a peer has to read: when it is too slow, and when something else is the cause.
import Testing
import Transport

private let second: Nanoseconds = 1_000_000_000

/// Holds a `ReadPace`, because `#expect` cannot call a mutating function.
private final class Judge {
    var pace = ReadPace()
    var windowEnd: Nanoseconds { pace.windowEnd }
    func isTooSlow(taken: Int, waiting: Int, at now: Nanoseconds) -> Bool {
        pace.isTooSlow(taken: taken, waiting: waiting, at: now)
    }
}

@Suite struct ReadPaceTests {
    /// A minimum pace of 100 bytes a second, judged over windows of 60 s, of which the first begins at time 0.
    private func pace(taken: Int = 0, waiting: Int, floor: Int = 100) -> Judge {
        let judge = Judge()
        judge.pace.begin(taken: taken, waiting: waiting, window: 60 * second, bytesPerSecondMin: floor, at: 0)
        return judge
    }

    @Test func whoTakesLessThanTheLeastPaceOfAWindowIsTooSlow() {
        let slow = pace(waiting: 100_000)
        #expect(!slow.isTooSlow(taken: 0, waiting: 100_000, at: 60 * second - 1), "the window is not over")
        #expect(slow.isTooSlow(taken: 5999, waiting: 94_001, at: 60 * second))
        let enough = pace(waiting: 100_000)
        #expect(!enough.isTooSlow(taken: 6000, waiting: 94_000, at: 60 * second))
        #expect(enough.windowEnd == 120 * second)
        #expect(enough.isTooSlow(taken: 11_999, waiting: 88_001, at: 120 * second), "each window is judged alone")
    }

    /// Each window of time is judged alone: a client that read fast in the first window is too slow if it reads slowly
    /// in the second.
    @Test func earlierHasteIsNoCredit() {
        let pace = pace(waiting: 50_000_000)
        #expect(!pace.isTooSlow(taken: 40_000_000, waiting: 10_000_000, at: 60 * second))
        #expect(pace.isTooSlow(taken: 40_000_001, waiting: 9_999_999, at: 120 * second))
    }

    @Test func aByteFromTimeToTimeDoesNotHelp() {
        let pace = pace(waiting: 40)
        for time in stride(from: Nanoseconds(5), to: 60, by: 5) {
            #expect(!pace.isTooSlow(taken: 1, waiting: 39, at: time * second))
        }
        #expect(pace.isTooSlow(taken: 1, waiting: 39, at: 60 * second))
        #expect(pace.pace.description(taken: 1).hasPrefix("took 1 bytes in 60 s, of at least 40 that waited"))
    }

    /// A peer that reads everything soon is never too slow, even if the server has little to send.
    ///
    /// Output that came within the current window of time does not count as waiting.
    @Test func aSlowSenderIsNotBlamedOnThePeer() {
        let pace = pace(waiting: 0)
        var taken = 0
        for window in 1...10 {
            let now = Nanoseconds(window) * 60 * second
            #expect(!pace.isTooSlow(taken: taken, waiting: 30, at: now), "window \(window)")
            taken += 30
        }
    }

    @Test func whoTakesAllThatWaitedIsFastEnough() {
        let pace = pace(waiting: 500)
        #expect(!pace.isTooSlow(taken: 500, waiting: 1_000_000, at: 60 * second))
    }

    @Test func noPaceJudgesNobody() {
        let off = pace(waiting: 1000, floor: 0)
        #expect(off.windowEnd == .max && !off.isTooSlow(taken: 0, waiting: 1000, at: 1000 * second))
        let never = Judge()
        #expect(!never.isTooSlow(taken: 0, waiting: 1000, at: 1000 * second))
    }

    /// If the bytes that a pace demands exceed the range of Int, the peer has to read everything that waits.
    @Test func anEnormousPaceDoesNotOverflow() {
        let pace = pace(waiting: 10, floor: .max)
        #expect(pace.isTooSlow(taken: 9, waiting: 1, at: 60 * second))
    }

    @Test func aWindowUnderWayIsNotBegunAgain() {
        let pace = pace(waiting: 1000)
        pace.pace.begin(taken: 0, waiting: 0, window: second, bytesPerSecondMin: 1, at: 59 * second)
        #expect(pace.windowEnd == 60 * second && pace.isTooSlow(taken: 0, waiting: 1000, at: 60 * second))
    }
}
