import LoopTesting
import Synchronization
import Testing
import Transport

/// Tests `ProcessClock`, which does not count the time in which the process is suspended.
///
/// So deadlines do not pass while the process is suspended.
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
        let rest = ProcessClock.noteInterval
        time.advance(by: 60 * second)
        #expect(clock.now == start + rest && clock.paused == 60 * second - rest)
        time.advance(by: second)
        #expect(clock.now == start + rest + second)
        time.advance(by: 3600 * second)
        #expect(clock.now == start + 2 * rest + second && clock.paused == 3660 * second - 2 * rest)
    }

    /// The clock never goes back after the process was suspended, however long ago the clock was last read or noted the
    /// time.
    @Test func noPauseMakesTheTimeGoBack() {
        var last = clock.now
        for step in 0..<300 {
            time.advance(by: Nanoseconds(step) * 1_000_000)
            let before = clock.now
            #expect(before >= last)
            time.advance(by: ProcessClock.pauseMin + Nanoseconds(step % 7) * second + 1)
            last = clock.now
            #expect(last >= before, "after \(step) ms")
        }
        #expect(clock.paused > 300 * second)
    }

    private final class Race: Sendable {
        let source = Atomic<Nanoseconds>(0)
        let latest = Atomic<Nanoseconds>(0)
        let backwards = Atomic<Int>(0)
        let isOver = Atomic<Bool>(false)
    }

    /// If a thread reads the clock and tells another thread the time, then the other thread does not read an earlier
    /// time.
    @Test func noPauseMakesTheTimeGoBackBetweenThreads() async {
        let race = Race()
        let clock = ProcessClock { race.source.load(ordering: .sequentiallyConsistent) }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    while !race.isOver.load(ordering: .relaxed) {
                        let told = race.latest.load(ordering: .sequentiallyConsistent)
                        let now = clock.now
                        if now < told { race.backwards.wrappingAdd(1, ordering: .relaxed) }
                        race.latest.max(now, ordering: .sequentiallyConsistent)
                        await Task.yield()
                    }
                }
            }
            group.addTask {
                for step in 0..<20_000 {
                    let most = step % 20 == 0 ? 2 * ProcessClock.pauseMin : ProcessClock.noteInterval
                    race.source.wrappingAdd(.random(in: 0..<most), ordering: .sequentiallyConsistent)
                    if step % 16 == 0 { await Task.yield() }
                }
                race.isOver.store(true, ordering: .relaxed)
            }
        }
        #expect(race.backwards.load(ordering: .relaxed) == 0)
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
        pass(second - ProcessClock.noteInterval - 1)
        #expect(fired.at.isEmpty)
        pass(1)
        #expect(fired.at.count == 1)
        loop.dismantle()
    }

    /// When its turn comes late, the event loop handles input that is ready before timers whose deadline has passed.
    ///
    /// A long turn of one loop does not count as a pause of the process, because other threads read the clock
    /// meanwhile.
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
        // With nothing ready to read, the deadline is due in the next turn.
        _ = loop.timers.schedule(at: loop.now, target: fired, kind: 0)
        loop.turn(waitMax: 0)
        #expect(fired.at.count == 1)
        loop.dismantle()
    }
}
