// Whether requests may go to an engine or executor, shared by all workers: changed under a lock, read without one.
internal import Synchronization
internal import Transport

/// The health and the learnt limits of an engine, or of an executor.
///
/// The values that choosing an executor needs are copied to atomics after each change, so that it takes no locks.
final class Availability: Sendable {
    private struct Values: Sendable {
        var health = ExecutorHealth()
        var load = ExecutorLoad()
    }
    private let values = Lock(Values())
    /// The moment from which one request at a time may be sent as a trial; `.max` for never, and 0 while it is healthy.
    private let trialFrom = Atomic<Nanoseconds>(0)
    /// When its last ejection ended; 0 while it is ejected or if it never was.
    private let healthySince = Atomic<Nanoseconds>(0)
    private let ejected = Atomic<Bool>(false)
    private let dead = Atomic<Bool>(false)
    private let hasLateFaults = Atomic<Bool>(false)
    private let learntRunning = Atomic<Int>(.max)
    private let learntUntil = Atomic<Nanoseconds>(0)
    private let pausedUntil = Atomic<Nanoseconds>(0)

    /// Whether it is out of rotation because of faults or failed probes.
    var isEjected: Bool { ejected.load(ordering: .relaxed) }
    /// Whether its probes have found it dead, see `ExecutorHealth.isDead`.
    var isDead: Bool { dead.load(ordering: .relaxed) }
    var state: ExecutorHealth.State { values.withLock { $0.health.state } }
    /// Why it was ejected last.
    var cause: ExecutorHealth.Cause { values.withLock { $0.health.cause } }

    /// Whether a request may go there.
    func use(at now: Nanoseconds) -> ExecutorHealth.Use {
        let from = trialFrom.load(ordering: .relaxed)
        if from == 0 { return .yes }
        return from != .max && now >= from ? .trial : .no
    }

    /// A share of 1, or less for a while after it has come back.
    func share(at now: Nanoseconds) -> Double {
        let since = healthySince.load(ordering: .relaxed)
        return since == 0 ? 1 : ExecutorHealth.share(healthySince: since, at: now)
    }

    /// Whether the limits learnt from its refusals allow one more attempt while `running` are under way.
    func takesMore(running: Int, at now: Nanoseconds) -> Bool {
        guard now >= pausedUntil.load(ordering: .relaxed) else { return false }
        return now >= learntUntil.load(ordering: .relaxed) || running < learntRunning.load(ordering: .relaxed)
    }

    /// How many attempts it takes at once, as learnt from its refusals; nil while no such limit holds.
    func learntLimit(at now: Nanoseconds) -> Int? {
        now < learntUntil.load(ordering: .relaxed) ? learntRunning.load(ordering: .relaxed) : nil
    }

    /// For how much longer no requests may be sent to it, in nanoseconds.
    func pause(at now: Nanoseconds) -> Nanoseconds {
        let until = pausedUntil.load(ordering: .relaxed)
        return until > now ? until - now : 0
    }

    /// Records that the next request is a trial, which shows whether the executor works again.
    ///
    /// Does nothing if no trial is due.
    func beginTrial(at now: Nanoseconds) {
        guard use(at: now) == .trial else { return }
        change { health, _ in health.trialBegan(at: now) }
    }

    /// Records that an answer has ended whole; takes no lock unless answers have failed in their midst before.
    func endedWhole() {
        guard hasLateFaults.load(ordering: .relaxed) else { return }
        change { health, _ in health.endedWhole() }
    }

    func change(_ body: (inout ExecutorHealth, inout ExecutorLoad) -> Void) {
        values.withLock { values in
            body(&values.health, &values.load)
            trialFrom.store(values.health.trialFrom, ordering: .relaxed)
            healthySince.store(values.health.healthySince ?? 0, ordering: .relaxed)
            ejected.store(values.health.isEjected, ordering: .relaxed)
            dead.store(values.health.isDead, ordering: .relaxed)
            hasLateFaults.store(values.health.hasLateFaults, ordering: .relaxed)
            learntRunning.store(values.load.learntRunning, ordering: .relaxed)
            learntUntil.store(values.load.learntUntil, ordering: .relaxed)
            pausedUntil.store(values.load.pausedUntil, ordering: .relaxed)
        }
    }
}
