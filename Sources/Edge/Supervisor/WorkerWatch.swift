// Checks that the workers' event loops are not blocked, for systemd's watchdog and for the operator.
internal import Transport

/// Asks every worker at intervals to show that its event loop is not blocked; confined to the control thread.
///
/// The question goes through the worker's mailbox, which wakes the worker if it is idle. The intervals are measured by
/// the loop's clock, which leaves out pauses of the whole process, because no worker can answer during such a pause.
final class WorkerWatch {
    /// The time between two checks if systemd's watchdog sets no interval, in nanoseconds.
    static let usualInterval: Nanoseconds = 15_000_000_000

    /// The indices of the workers that seem blocked, because they did not read the last message `showTurn` in time.
    private(set) var silent: Set<Int> = []
    private let loop: EventLoop
    private let workers: [WorkerHandle]
    private let interval: Nanoseconds
    private let turned: () -> Void
    private let say: (String, LogPriority) -> Void
    /// For each worker, the number in the last message `showTurn` that was sent to it.
    ///
    /// The watch sends the next message to a worker only after the worker has read the last one.
    private var asked: [Int]
    private var hasEnded: [Bool]
    private var timer: TimerID?

    /// Checks the workers at once, and then at each `interval`.
    ///
    /// - Parameters:
    ///   - interval: the time between two checks, in nanoseconds. A worker must answer within this time.
    ///   - turned: called at each check if all workers have answered; it notifies systemd's watchdog.
    ///   - say: writes a message to the operator.
    init(
        loop: EventLoop,
        workers: [WorkerHandle],
        interval: Nanoseconds,
        turned: @escaping () -> Void,
        say: @escaping (String, LogPriority) -> Void
    ) {
        self.loop = loop
        self.workers = workers
        self.interval = interval
        self.turned = turned
        self.say = say
        asked = workers.map(\.shownTurn)
        hasEnded = workers.map { _ in false }
        look()
    }

    /// Stops the checks.
    func stop() {
        if let timer { loop.timers.cancel(timer) }
        timer = nil
    }

    /// Notes that a worker has ended; the watch does not check this worker any more.
    func ended(worker: Int) {
        hasEnded[worker] = true
        silent.remove(worker)
    }

    /// Notifies systemd's watchdog at once after a pause of the whole process, if no worker seems blocked.
    ///
    /// The watchdog's clock goes on during such a pause, so it may run out before the next check.
    func processContinued() { if silent.isEmpty { turned() } }

    private func look() {
        for worker in workers.indices where !hasEnded[worker] { look(at: worker) }
        if silent.isEmpty { turned() }
        timer = loop.timers.schedule(
            at: loop.now + interval,
            target: TimerClosure { [unowned self] in look() },
            kind: 0
        )
    }

    private func look(at worker: Int) {
        guard workers[worker].shownTurn == asked[worker] else {
            guard silent.insert(worker).inserted else { return }
            let seconds = interval / 1_000_000_000
            say("worker \(worker) has not answered for \(seconds) s: its event loop does not turn", .error)
            return
        }
        if silent.remove(worker) != nil { say("worker \(worker) answers again", .information) }
        asked[worker] += 1
        _ = workers[worker].mailbox.post(.showTurn(asked[worker]))
    }
}
