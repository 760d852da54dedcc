// Whether requests may go to an engine or an executor. All workers share this state.
internal import Synchronization
package import Transport

/// The health of an engine or of an executor, and the limits that were learned from its refusals.
///
/// A refusal is an error which says that the engine or executor is busy, usually with status 429.
///
/// After each change, the values that are needed to choose an executor are copied to atomics, so that a choice takes no
/// lock. The engine or executor holds this value inline and not by a reference, so that a choice reads few pieces of
/// memory.
struct Availability: ~Copyable, Sendable {
    private struct Values: Sendable {
        var health = ExecutorHealth()
        var load = ExecutorLoad()
    }
    private let values = Lock(Values())
    /// The time from which one request at a time may be sent as a trial; 0 while healthy, and `.max` if no trial is
    /// allowed.
    private let trialFrom = Atomic<Nanoseconds>(0)
    /// The time at which the last ejection ended; 0 during an ejection, or if there was none.
    private let healthySince = Atomic<Nanoseconds>(0)
    private let ejected = Atomic<Bool>(false)
    private let dead = Atomic<Bool>(false)
    private let ejectedTimes = Atomic<Int>(0)
    private let hasLateFaults = Atomic<Bool>(false)
    /// Whether the probes say that the model is being loaded.
    private let notReady = Atomic<Bool>(false)
    /// When an answer, or a refused connection, first showed that the model is being loaded; 0 if neither shows it.
    ///
    /// A refused connection shows it only if the engine may be starting. What the probes show is in `notReady`.
    private let loadingSince = Atomic<Nanoseconds>(0)
    private let isStart = Atomic<Bool>(false)
    private let learntRunning = Atomic<Int>(.max)
    private let learntUntil = Atomic<Nanoseconds>(0)
    private let pausedUntil = Atomic<Nanoseconds>(0)

    /// Whether faults or failed probes have ejected the engine or executor.
    var isEjected: Bool { ejected.load(ordering: .relaxed) }
    /// How often the engine or executor has been ejected.
    var ejections: Int { ejectedTimes.load(ordering: .relaxed) }
    /// Whether probes have found the engine dead, see `ExecutorHealth.isDead`.
    var isDead: Bool { dead.load(ordering: .relaxed) }
    var state: ExecutorHealth.State { values.withLock { $0.health.state } }
    /// Why the engine or executor was ejected last.
    var cause: ExecutorHealth.Cause { values.withLock { $0.health.cause } }

    /// Whether the engine or the model is known to be loading, or may be starting.
    var isLoading: Bool { notReady.load(ordering: .relaxed) || loadingSince.load(ordering: .relaxed) != 0 }
    /// Whether the probes say that the model is being loaded.
    var isNotReady: Bool { notReady.load(ordering: .relaxed) }

    /// Whether a request may wait until the engine or model has been loaded.
    ///
    /// - Parameter loadWait: how long requests wait, in nanoseconds. An engine that refuses connections counts as one
    ///   that is starting until this time has passed since it began to refuse them.
    func awaitsLoad(for loadWait: Nanoseconds, at now: Nanoseconds) -> Bool {
        if isNotReady { return true }
        let since = loadingSince.load(ordering: .relaxed)
        return since != 0 && (!isStart.load(ordering: .relaxed) || now < since + loadWait)
    }

    /// Whether a request may go to the engine or executor.
    func use(at now: Nanoseconds) -> ExecutorHealth.Use {
        let from = trialFrom.load(ordering: .relaxed)
        if from == 0 { return .yes }
        return from != .max && now >= from ? .trial : .no
    }

    /// The factor for the weight of the executor: 1, or less for some time after an ejection, so that its load grows
    /// slowly.
    func share(at now: Nanoseconds) -> Double {
        let since = healthySince.load(ordering: .relaxed)
        return since == 0 ? 1 : ExecutorHealth.share(healthySince: since, at: now)
    }

    /// Whether the limits that were learned from refusals allow one more attempt while `running` attempts are under
    /// way.
    func takesMore(running: Int, at now: Nanoseconds) -> Bool {
        guard now >= pausedUntil.load(ordering: .relaxed) else { return false }
        return now >= learntUntil.load(ordering: .relaxed) || running < learntRunning.load(ordering: .relaxed)
    }

    /// How many attempts the engine or executor takes at once, as learned from its refusals; nil while no such limit
    /// applies.
    func learntLimit(at now: Nanoseconds) -> Int? {
        now < learntUntil.load(ordering: .relaxed) ? learntRunning.load(ordering: .relaxed) : nil
    }

    /// How long from now on no requests may be sent to the engine or executor, in nanoseconds; 0 if they may be sent.
    func pause(at now: Nanoseconds) -> Nanoseconds {
        let until = pausedUntil.load(ordering: .relaxed)
        return until > now ? until - now : 0
    }

    /// Records that the next request is a trial, which shows whether the executor works again.
    ///
    /// Does nothing if no trial is allowed at this time.
    func beginTrial(at now: Nanoseconds) {
        guard use(at: now) == .trial else { return }
        change { health, _ in health.trialBegan(at: now) }
    }

    /// Records that an answer has arrived completely.
    ///
    /// The function takes a lock only if an earlier answer has failed in the middle.
    func endedWhole() {
        guard hasLateFaults.load(ordering: .relaxed) else { return }
        change { health, _ in health.endedWhole() }
    }

    func change(_ body: (inout ExecutorHealth, inout ExecutorLoad) -> Void) {
        values.withLock { values in
            body(&values.health, &values.load)
            trialFrom.store(values.health.trialFrom, ordering: .relaxed)
            healthySince.store(values.health.healthySince ?? 0, ordering: .relaxed)
            if values.health.isEjected, !isEjected { ejectedTimes.wrappingAdd(1, ordering: .relaxed) }
            ejected.store(values.health.isEjected, ordering: .relaxed)
            dead.store(values.health.isDead, ordering: .relaxed)
            hasLateFaults.store(values.health.hasLateFaults, ordering: .relaxed)
            notReady.store(values.health.isNotReady, ordering: .relaxed)
            loadingSince.store(values.health.loading.map { max(1, $0.since) } ?? 0, ordering: .relaxed)
            isStart.store(values.health.loading?.isStart == true, ordering: .relaxed)
            learntRunning.store(values.load.learntRunning, ordering: .relaxed)
            learntUntil.store(values.load.learntUntil, ordering: .relaxed)
            pausedUntil.store(values.load.pausedUntil, ordering: .relaxed)
        }
    }

    // MARK: Other processes

    /// The health, and the limits learned from refusals, at `now`.
    func record(at now: Nanoseconds) -> AvailabilityRecord {
        values.withLock { values in
            AvailabilityRecord(health: values.health.record(at: now), load: values.load.record(at: now))
        }
    }

    /// Replaces the health, and the limits learned from refusals, by those that the predecessor has recorded for an
    /// upgrade.
    func restore(_ record: AvailabilityRecord, at now: Nanoseconds) {
        change { health, load in
            health = ExecutorHealth(record.health, at: now)
            load = ExecutorLoad(record.load, at: now)
        }
    }
}

/// The health of an engine or executor at one moment, and the limits learned from its refusals (such as status 429).
///
/// An upgrade passes this record to the new process.
package struct AvailabilityRecord: Equatable, Sendable {
    package var health: ExecutorHealth.Record
    package var load: ExecutorLoad.Record

    /// Makes a record; by default the engine or executor is healthy and has no limits.
    package init(
        health: ExecutorHealth.Record = ExecutorHealth.Record(),
        load: ExecutorLoad.Record = ExecutorLoad.Record()
    ) {
        self.health = health
        self.load = load
    }
}

extension Engine {
    /// The health of the engine itself, and the limits learned from its refusals (such as status 429), at `now`.
    package func record(at now: Nanoseconds) -> AvailabilityRecord { availability.record(at: now) }
    /// Replaces the health of the engine itself, and the limits learned from its refusals (such as status 429), by
    /// those that the predecessor has recorded for an upgrade.
    package func restore(_ record: AvailabilityRecord, at now: Nanoseconds) {
        mayBeStarting.store(false, ordering: .relaxed)
        availability.restore(record, at: now)
    }
}

extension Executor {
    /// The health of this one model at its engine, and the limits learned from refusals (such as status 429), at `now`.
    package func record(at now: Nanoseconds) -> AvailabilityRecord { availability.record(at: now) }
    /// Replaces the health of this one model at its engine, and the limits learned from refusals (such as status 429),
    /// by those that the predecessor has recorded for an upgrade.
    package func restore(_ record: AvailabilityRecord, at now: Nanoseconds) { availability.restore(record, at: now) }
}
