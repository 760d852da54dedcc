// Tests deadlines of the event loop with a clock that the test advances.
import LoopTesting
import Testing

@testable import Transport

@Suite struct DeadlineTests {
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
