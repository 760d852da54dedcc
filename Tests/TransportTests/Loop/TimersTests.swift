// Timers, against a clock that the test advances.
import LoopTesting
import Testing

@testable import Transport

/// A target that records which of its timers have fired.
final class Firings: TimerTarget {
    var fired: [Int] = []
    var then: ((Int) -> Void)?
    func timerFired(_ kind: Int) {
        fired.append(kind)
        then?(kind)
    }
}

@Suite struct TimersTests {
    @Test func timersFireInOrderOfTheirTime() {
        let test = TestLoop()
        let recorder = Firings()
        let start = test.loop.now
        var kinds = Array(0..<500)
        kinds.shuffle()
        for kind in kinds { _ = test.loop.timers.schedule(at: start + UInt64(kind), target: recorder, kind: kind) }
        test.clock.advance(by: 249)
        test.loop.turn(waitMax: 0)
        #expect(recorder.fired == Array(0..<250))
        test.pass(1000)
        #expect(recorder.fired == Array(0..<500))
        #expect(test.loop.timers.active == 0)
    }

    @Test func aCancelledTimerNeverFiresAndItsSlotIsUsedAgain() {
        let test = TestLoop()
        let recorder = Firings()
        let first = test.loop.timers.schedule(at: test.loop.now + 10, target: recorder, kind: 1)
        test.loop.timers.cancel(first)
        _ = test.loop.timers.schedule(at: test.loop.now + 20, target: recorder, kind: 2)
        test.loop.timers.cancel(first)
        test.pass(100)
        #expect(recorder.fired == [2])
    }

    @Test func manyCancelledTimersAreSweptAway() {
        let test = TestLoop()
        let recorder = Firings()
        for _ in 0..<10_000 {
            let id = test.loop.timers.schedule(at: test.loop.now + second, target: recorder, kind: 0)
            test.loop.timers.cancel(id)
        }
        _ = test.loop.timers.schedule(at: test.loop.now + 2 * second, target: recorder, kind: 7)
        #expect(test.loop.timers.active == 1)
        test.pass(3 * second)
        #expect(recorder.fired == [7])
    }

    @Test func aTimerThatSchedulesItselfForNowCannotHoldTheTurn() {
        let test = TestLoop()
        let recorder = Firings()
        recorder.then = { [unowned recorder] _ in
            _ = test.loop.timers.schedule(at: test.loop.now, target: recorder, kind: 0)
        }
        _ = test.loop.timers.schedule(at: test.loop.now, target: recorder, kind: 0)
        test.loop.turn(waitMax: 0)
        #expect(recorder.fired.count == 10_000)
        recorder.then = nil
    }
}
