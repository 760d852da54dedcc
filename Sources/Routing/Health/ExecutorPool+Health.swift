// What attempts show about the health of their executors, and which ejected executors a pool uses all the same.
package import Transport

/// How an attempt failed, if the client did not cause it.
package enum FaultScope: Sendable, Equatable {
    /// The engine could not be reached, its certificate is not trusted, or it broke off before the first event.
    case connection
    /// The executor answered with an error status or an error event, or its answer broke off.
    case answer
    /// The executor can be reached, but its answer or the rest of it did not come in time.
    case timeout
    /// The engine did not accept a connection in time.
    case connectTimeout

    /// A description for the operator, worded to follow "attempts in a row".
    package var text: String {
        switch self {
        case .connection: "could not connect, or broke off before the answer"
        case .answer: "were answered with a failure"
        case .timeout: "were not answered in time"
        case .connectTimeout: "had no connection in time"
        }
    }
}

extension ExecutorPool {
    /// What an attempt has shown about its executor.
    package enum Outcome: Sendable, Equatable {
        /// It gave its first event, or a whole document.
        case good
        /// After `good`: the answer has ended whole.
        case whole
        /// It failed before its answer began.
        case fault(FaultScope)
        /// After `good`: it failed in the midst of its answer.
        case lateFault(FaultScope)
        /// Its client left, or the fault was the client's.
        case neither
        /// The executor answered 429: it is alive, and asks for a pause of so many nanoseconds, or does not say how
        /// long.
        case busy(Nanoseconds?)
    }

    /// Records what an attempt has shown about this executor.
    package func report(_ outcome: Outcome, of executor: Executor, at now: Nanoseconds) {
        let engine = executor.engine
        switch outcome {
        case .good:
            engine.availability.change { health, _ in health.succeeded(at: now) }
            executor.availability.change { health, _ in health.succeeded(at: now) }
        case .whole:
            engine.availability.endedWhole()
            executor.availability.endedWhole()
        case .lateFault(let scope):
            let isEngines = scope == .timeout && engine.modelsShareCapacity
            let availability = isEngines ? engine.availability : executor.availability
            availability.change { health, _ in health.failedLate(scope, at: now) }
        case .fault(.connection): engineFailed(executor, .connection, at: now)
        case .fault(.connectTimeout): engineFailed(executor, .connectTimeout, at: now)
        case .fault(.timeout) where engine.modelsShareCapacity: engineFailed(executor, .timeout, at: now)
        case .fault(let scope):
            executor.availability.change { health, _ in health.failed(scope, at: now) }
            engine.availability.change { health, _ in
                if scope == .answer { health.answered(at: now) } else { health.trialTold(nothingAt: now) }
            }
        case .neither:
            engine.availability.change { health, _ in health.trialTold(nothingAt: now) }
            executor.availability.change { health, _ in health.trialTold(nothingAt: now) }
        case .busy(let pause): refused(executor, pause: pause, at: now)
        }
    }

    /// The executor has refused an attempt because it is busy: its load is lowered, or that of its engine if the
    /// engine's models share their capacity.
    private func refused(_ executor: Executor, pause: Nanoseconds?, at now: Nanoseconds) {
        let engine = executor.engine
        let isShared = engine.modelsShareCapacity
        engine.availability.change { health, load in
            health.trialTold(nothingAt: now)
            if isShared { load.refused(running: engine.running - 1, pause: pause, at: now) }
        }
        executor.availability.change { health, load in
            health.trialTold(nothingAt: now)
            if !isShared { load.refused(running: executor.running - 1, pause: pause, at: now) }
        }
    }

    private func engineFailed(_ executor: Executor, _ scope: FaultScope, at now: Nanoseconds) {
        executor.engine.availability.change { health, _ in health.failed(scope, at: now) }
        executor.availability.change { health, _ in health.trialTold(nothingAt: now) }
    }

    // MARK: Mercy

    /// Which members the pool uses although they are bad, so that never more than half of it is left out.
    enum Mercy {
        /// At most half are bad, and none of those is used.
        case none
        /// More than half are bad: some of them are used, see `isSpared`.
        case some
        /// All are bad: those that cost little to try are used, see `Executor.costsLittle`.
        case all
    }

    /// Which bad members are used at the moment.
    ///
    /// - Parameter usesBad: whether a pool whose members are all bad may be used, because there is no better one.
    func mercy(usesBad: Bool = true, at now: Nanoseconds) -> Mercy {
        let count = inUseCount
        let bad = members.count { $0.isInUse && $0.executor.use(at: now) == .no }
        if bad == count { return usesBad ? .all : .none }
        return bad > count / 2 ? .some : .none
    }

    /// How many members get exchanges at the moment, by their weights and the operator's orders.
    private var inUseCount: Int { members.count(where: \.isInUse) }

    /// Whether the pool uses the member at this index although it is bad.
    ///
    /// Dead members are always left out, and so are the first of the other bad members, until half of the pool is left
    /// out.
    func isSpared(_ index: Int, by mercy: Mercy, at now: Nanoseconds) -> Bool {
        switch mercy {
        case .none: return false
        case .all: return members[index].executor.costsLittle(at: now)
        case .some:
            guard !members[index].executor.engine.isDead else { return false }
            var leftOut = 0
            for other in members.indices where members[other].isInUse {
                guard members[other].executor.use(at: now) == .no else { continue }
                if other < index || members[other].executor.engine.isDead { leftOut += 1 }
            }
            return leftOut >= inUseCount / 2
        }
    }

    /// The health of a member, whether or not the pool uses it in spite of an ejection.
    package struct Status: Sendable {
        /// The executor and its share in the pool.
        package var member: PoolMember
        /// The health of its engine if that is not healthy, otherwise its own.
        package var state: ExecutorHealth.State
        /// Whether its health allows requests, or at least one as a trial.
        ///
        /// With a weight of 0 it gets none even so. While the operator has drained it, this is false.
        package var isUsable: Bool

        /// The executor of `member`.
        package var executor: Executor { member.executor }
    }

    /// The status of each member, in the order of `members`; from any thread.
    package func statuses(at now: Nanoseconds) -> [Status] {
        members.map { member in
            let executor = member.executor
            let isUsable = !executor.isDrained && executor.use(at: now) != .no
            return Status(member: member, state: executor.health, isUsable: isUsable)
        }
    }
}

extension Executor {
    /// Whether a request can try the executor although it is bad, because it will soon be answered or fail.
    ///
    /// An executor that refuses connections or answers with a failure does so at once. One that takes requests and does
    /// not begin to answer may only be slow, as may one whose probes are late while its bytes still arrive. If it does
    /// not accept connections, each try would cost the whole connect timeout.
    func costsLittle(at now: Nanoseconds) -> Bool {
        guard !engine.isDead else { return false }
        let isEjected = engine.isEjected || isEjectedAlone
        switch cause {
        case .faults(.connection), .faults(.answer), .faults(.timeout): return true
        case .probes, .faults(.connectTimeout):
            let last = engine.lastHeard
            return !isEjected || last > 0 && now < last + ExecutorHealth.trafficWins
        }
    }

    /// Whether it is ejected for faults of this model, which do not count for its engine.
    package var isEjectedAlone: Bool { availability.isEjected }
    /// Why its engine was ejected, if it is; otherwise why this executor was ejected last.
    package var cause: ExecutorHealth.Cause {
        engine.isEjected ? engine.availability.cause : availability.cause
    }

    /// The engine's health if that is not healthy, otherwise the executor's own.
    package var health: ExecutorHealth.State {
        let state = engine.health
        return state == .healthy ? availability.state : state
    }
}
