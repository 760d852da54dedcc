// Timers and deadlines by a clock that the test sets.
import LoopTesting
import Testing

@testable import Transport

private final class Firings: TimerTarget {
    var fired: [Int] = []
    var then: ((Int) -> Void)?
    func timerFired(_ kind: Int) {
        fired.append(kind)
        then?(kind)
    }
}

@Suite struct TimerTests {
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

    private final class Owner: TimerTarget {
        let loop: EventLoop
        var deadline = Deadline()
        var met = 0
        init(_ loop: EventLoop) { self.loop = loop }
        func set(_ due: Nanoseconds) { deadline.set(due, on: loop, target: self, kind: 0) }
        func timerFired(_ kind: Int) { if deadline.fired(on: loop, target: self, kind: kind) { met += 1 } }
    }

    @Test func aDeadlineThatMovesIsMetWhereItWasLast() {
        let test = TestLoop()
        let owner = Owner(test.loop)
        let start = test.loop.now
        owner.set(start + 100)
        owner.set(start + 500)
        test.pass(200)
        #expect(owner.met == 0 && owner.deadline.isSet)
        owner.set(start + 300)
        test.pass(150)
        #expect(owner.met == 1 && !owner.deadline.isSet)
        test.pass(1000)
        #expect(owner.met == 1)
    }

    @Test func aDeadlineThatIsClearedOrCancelledIsNotMet() {
        let test = TestLoop()
        weak var freed: Owner?
        do {
            let owner = Owner(test.loop)
            freed = owner
            owner.set(test.loop.now + 100)
            owner.deadline.clear()
            test.pass(200)
            #expect(owner.met == 0)
            owner.set(test.loop.now + 100)
            owner.deadline.cancel(on: test.loop)
        }
        #expect(freed == nil)
        test.pass(200)
    }
}
