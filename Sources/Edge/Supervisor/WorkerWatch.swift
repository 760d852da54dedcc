// Whether the loops of the workers turn: for systemd's watchdog, and for the operator.
internal import Transport

/// Asks every worker again and again to show that its loop turns; confined to the control thread.
///
/// The question goes through the worker's mailbox, so it also wakes a worker that has nothing to do. Time is that of the
/// loop, in which a pause of the whole process is left out: then no worker could answer, and none is blamed.
final class WorkerWatch {
    /// The time between two looks where systemd sets none, in nanoseconds.
    static let usualInterval: Nanoseconds = 15_000_000_000

    /// The workers that have not answered between two looks, by their indices.
    private(set) var silent: Set<Int> = []
    private let loop: EventLoop
    private let workers: [WorkerHandle]
    private let interval: Nanoseconds
    private let turned: () -> Void
    private let say: (String, LogPriority) -> Void
    /// The number of the last question to each worker; a worker that has not answered is not asked again.
    private var asked: [Int]
    private var hasEnded: [Bool]
    private var timer: TimerID?

    /// Asks at once, and then each `interval`.
    ///
    /// - Parameters:
    ///   - interval: the time between two looks, which a worker has for its answer, in nanoseconds.
    ///   - turned: called at each look at which no worker is silent; for systemd's watchdog.
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

    /// Ends the looks.
    func stop() {
        if let timer { loop.timers.cancel(timer) }
        timer = nil
    }

    /// Notes that a worker has ended and answers no more.
    func ended(worker: Int) {
        hasEnded[worker] = true
        silent.remove(worker)
    }

    /// The whole process was paused and goes on: systemd's watchdog, whose time went on, hears so at once.
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
