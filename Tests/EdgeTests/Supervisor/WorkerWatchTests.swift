import LoopTesting
import Testing
import Transport

@testable import Edge

/// Tests the control thread's check that every worker still answers.
///
/// The worker handles have no threads; the tests answer in place of the workers.
@Suite struct WorkerWatchTests {
    private let test = TestLoop()
    private let workers = (0..<2).map { _ in WorkerHandle() }
    private let seen = Seen()

    private final class Seen {
        var turns = 0
        var said: [String] = []
    }

    private func watch(_ loop: EventLoop? = nil) -> WorkerWatch {
        WorkerWatch(
            loop: loop ?? test.loop,
            workers: workers,
            interval: 15 * second,
            turned: { [seen] in seen.turns += 1 },
            say: { [seen] text, _ in seen.said.append(text) }
        )
    }

    /// Answers, in place of a worker, all questions in the worker's mailbox.
    ///
    /// - Returns: the number of questions.
    @discardableResult
    private func answer(_ worker: Int) -> Int {
        let numbers = workers[worker].mailbox.takeAll().compactMap { message in
            if case .showTurn(let number) = message { return number }
            return nil
        }
        if let last = numbers.last { workers[worker].showTurn(last) }
        return numbers.count
    }

    @Test func workersThatAnswerAreAskedAgainAtEachLook() {
        let watch = watch()
        #expect(seen.turns == 1)
        for look in 2...5 {
            for worker in workers.indices { #expect(answer(worker) == 1) }
            test.pass(15 * second)
            #expect(seen.turns == look)
        }
        #expect(seen.said.isEmpty && watch.silent.isEmpty)
    }

    /// A worker that does not answer is reported once, and is not asked again until it answers.
    @Test func aWorkerThatDoesNotAnswerIsNamed() {
        let watch = watch()
        for _ in 0..<3 {
            answer(0)
            test.pass(15 * second)
        }
        #expect(seen.turns == 1 && watch.silent == [1])
        #expect(seen.said == ["worker 1 has not answered for 15 s: its event loop does not turn"])
        #expect(answer(1) == 1)
        answer(0)
        test.pass(15 * second)
        #expect(seen.turns == 2 && watch.silent.isEmpty && seen.said.last == "worker 1 answers again")
        #expect(answer(1) == 1)
    }

    @Test func aWorkerThatHasEndedIsNotWaitedFor() {
        let watch = watch()
        answer(0)
        test.pass(15 * second)
        #expect(watch.silent == [1])
        watch.ended(worker: 1)
        answer(0)
        test.pass(15 * second)
        #expect(seen.turns == 2 && watch.silent.isEmpty)
    }

    /// After SIGSTOP or a suspended machine, no worker is reported, and systemd's watchdog is notified at once.
    @Test func aPauseOfTheWholeProcessIsNobodysFault() {
        let time = ManualClock()
        let clock = ProcessClock { time.now }
        let loop = EventLoop(clock: .process(clock))
        let watch = watch(loop)
        func pass(_ milliseconds: Int) {
            for _ in 0..<(milliseconds / 100) {
                time.advance(by: 100_000_000)
                loop.turn(waitMax: 0)
            }
        }
        pass(1000)
        // Right after both workers were asked, the whole process is paused for a minute.
        time.advance(by: 60 * second)
        pass(1000)
        #expect(clock.paused > 59 * second)
        #expect(seen.turns == 1 && seen.said.isEmpty)
        watch.processContinued()
        #expect(seen.turns == 2)
        for worker in workers.indices { answer(worker) }
        pass(15_000)
        #expect(seen.turns == 3 && seen.said.isEmpty && watch.silent.isEmpty)
        // After a pause of the process, systemd's watchdog is not notified if a worker is silent.
        answer(0)
        pass(16_000)
        #expect(watch.silent == [1])
        watch.processContinued()
        #expect(seen.turns == 3)
        watch.stop()
        loop.dismantle()
    }
}
