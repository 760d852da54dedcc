// The budget of CPU time for TLS handshakes: how much they may use at once, and when more is allowed.
import LoopTesting
import Testing
import Transport

private let millisecond: Nanoseconds = 1_000_000

/// Holds a `HandshakeBudget`, because `#expect` cannot call a mutating function.
private final class Purse {
    var budget = HandshakeBudget()
    func hasCredit(at now: Nanoseconds) -> Bool { budget.hasCredit(at: now) }
    func charge(_ cost: Nanoseconds, at now: Nanoseconds) { budget.charge(cost, at: now) }
}

@Suite struct HandshakeBudgetTests {
    @Test func theBurstIsThereAtOnceAndComesBackByItsShare() {
        let purse = Purse()
        #expect(purse.hasCredit(at: second))
        purse.charge(HandshakeBudget.burst, at: second)
        #expect(!purse.hasCredit(at: second))
        // Each nanosecond that passes restores a quarter of a nanosecond of credit, so the first is there after 4 ns.
        #expect(!purse.hasCredit(at: second + HandshakeBudget.share - 1))
        #expect(purse.hasCredit(at: second + HandshakeBudget.share))
        purse.charge(1, at: second + HandshakeBudget.share)
        #expect(!purse.hasCredit(at: second + HandshakeBudget.share))
    }

    @Test func aLongPauseSavesNoMoreThanTheBurst() {
        let purse = Purse()
        purse.charge(HandshakeBudget.burst, at: second)
        purse.charge(HandshakeBudget.burst - 1, at: 1000 * second)
        #expect(purse.hasCredit(at: 1000 * second))
        purse.charge(1, at: 1000 * second)
        #expect(!purse.hasCredit(at: 1000 * second))
    }

    /// A handshake that seems to have taken an hour, because its thread was paused, does not stop others for four
    /// hours.
    @Test func aDebtIsBounded() {
        let purse = Purse()
        purse.charge(3600 * second, at: second)
        let paid = second + HandshakeBudget.debtMax * HandshakeBudget.share
        #expect(!purse.hasCredit(at: paid) && purse.hasCredit(at: paid + HandshakeBudget.share))
    }

    @Test func aTimeThatGoesBackGivesNothing() {
        let purse = Purse()
        purse.charge(HandshakeBudget.burst, at: 2 * second)
        #expect(!purse.hasCredit(at: second) && !purse.hasCredit(at: 2 * second))
    }

    /// In every period, handshakes take at most a quarter of the time, plus the burst, plus one handshake.
    @Test(arguments: 0..<20) func theBudgetIsExceededByOneHandshakeAtMost(seed: UInt64) {
        var random = SplitMix(state: seed)
        let purse = Purse()
        var now = second
        let longest = 5 * millisecond
        // The sum of all costs so far, at the beginning and after each charge.
        var excess: [Int] = [0]
        var least = 0
        for _ in 0..<5000 {
            now += Nanoseconds.random(in: 0...millisecond, using: &random)
            guard purse.hasCredit(at: now) else { continue }
            let before = excess.last! - Int(now) / Int(HandshakeBudget.share)
            least = min(least, before)
            let cost = Nanoseconds.random(in: 1...longest, using: &random)
            now += cost
            purse.charge(cost, at: now)
            let taken = excess.last! + Int(cost)
            let above = taken - Int(now) / Int(HandshakeBudget.share) - least
            #expect(above <= Int(HandshakeBudget.burst + longest) + 1000)
            excess.append(taken)
        }
        // Handshakes get at least three quarters of their share of the time. The rest may be lost, because the test
        // waits up to 1 ms at a time.
        #expect(excess.last! * Int(HandshakeBudget.share) > Int(now - second) * 3 / 4)
    }
}
