import LoopTesting
import Testing
import Transport

/// A clock that stands still while the process does, and the loops on it.
@Suite struct ProcessClockTests {
    private let time = ManualClock()
    private let clock: ProcessClock

    init() {
        clock = ProcessClock { [time] in time.now }
    }

    @Test func timeGoesOnWhileSomebodyReadsIt() {
        let start = clock.now
        for _ in 0..<100 {
            time.advance(by: ProcessClock.pauseMin)
            _ = clock.now
        }
        #expect(clock.now == start + 100 * ProcessClock.pauseMin && clock.paused == 0)
    }

    @Test func aPauseIsNotInTheTime() {
        let start = clock.now
        time.advance(by: 60 * second)
        #expect(clock.now == start && clock.paused == 60 * second)
        time.advance(by: second)
        #expect(clock.now == start + second)
        time.advance(by: 3600 * second)
        #expect(clock.now == start + second && clock.paused == 3660 * second)
    }

    private final class Fired: TimerTarget {
        var at: [Nanoseconds] = []
        let loop: EventLoop
        init(_ loop: EventLoop) { self.loop = loop }
        func timerFired(_ kind: Int) { at.append(loop.now) }
    }

    @Test func deadlinesMoveByThePause() {
        let loop = EventLoop(clock: .process(clock))
        let fired = Fired(loop)
        _ = loop.timers.schedule(at: loop.now + 10 * second, target: fired, kind: 0)
        func pass(_ duration: Nanoseconds) {
            time.advance(by: duration)
            loop.turn(waitMax: 0)
        }
        for _ in 0..<9 { pass(second) }
        pass(300 * second)
        #expect(fired.at.isEmpty)
        pass(second - 1)
        #expect(fired.at.isEmpty)
        pass(1)
        #expect(fired.at.count == 1)
        loop.dismantle()
    }

    /// A turn that takes long is no pause of the process: other threads have read the clock meanwhile.
    @Test func whatIsReadyIsReadBeforeDeadlines() {
        let loop = EventLoop(clock: .process(clock))
        let mailbox = Mailbox<Int>()
        let fired = Fired(loop)
        var timer: TimerID?
        loop.attach(mailbox) { _ in
            if let timer { loop.timers.cancel(timer) }
        }
        loop.turn(waitMax: 0)
        timer = loop.timers.schedule(at: loop.now + second, target: fired, kind: 0)
        for _ in 0..<5 {
            time.advance(by: second)
            _ = clock.now
        }
        mailbox.post(1)
        loop.turn(waitMax: 0)
        loop.turn(waitMax: 0)
        #expect(fired.at.isEmpty && clock.paused == 0)
        // Not for ever: nothing is ready now.
        _ = loop.timers.schedule(at: loop.now, target: fired, kind: 0)
        loop.turn(waitMax: 0)
        #expect(fired.at.count == 1)
        loop.dismantle()
    }
}
