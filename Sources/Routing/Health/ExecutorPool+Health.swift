// What attempts show of their executors, and how the members of a pool stand.
package import Transport

/// Whose fault a failed attempt is, if it is not the client's.
package enum FaultScope: Sendable, Equatable {
    /// It could not be reached, its certificate is not to be trusted, or it broke off before its first event.
    case connection
    /// It has answered: with a status of failure, an error event, or an answer that broke off.
    case answer
    /// It can be reached, and its answer or the rest of it did not come in time.
    case timeout
    /// It did not accept a connection in time.
    case connectTimeout

    /// In words, for the operator.
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
    /// What an attempt has shown, as far as it says something of its executor.
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
        /// It answered 429: it lives, and is to be left alone for so long, if it said how long.
        case busy(Nanoseconds?)
    }

    /// An attempt at this executor is over, or has shown what it is worth.
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

    /// Which members routing uses although they are known to be bad: never more than half of a pool is left out.
    enum Mercy {
        /// No more than half are bad: those are left out.
        case none
        /// More than half are bad: some of them are used, see `isSpared`.
        case some
        /// All are bad, and those are used that cost little to try, see `Executor.costsLittle`.
        case all
    }

    /// - Parameter usesBad: whether there is nothing better than a pool all of whose members are bad.
    func mercy(usesBad: Bool = true, at now: Nanoseconds) -> Mercy {
        let bad = indices.count { members[$0].executor.use(at: now) == .no }
        if bad == indices.count { return usesBad ? .all : .none }
        return bad > indices.count / 2 ? .some : .none
    }

    /// Whether routing uses the member at this index although it is bad.
    ///
    /// The dead are not used while another member may be; of the others those that stand first are left out.
    func isSpared(_ index: Int, by mercy: Mercy, at now: Nanoseconds) -> Bool {
        switch mercy {
        case .none: return false
        case .all: return members[index].executor.costsLittle(at: now)
        case .some:
            guard !members[index].executor.engine.isDead else { return false }
            var leftOut = 0
            for other in indices where members[other].executor.use(at: now) == .no {
                if other < index || members[other].executor.engine.isDead { leftOut += 1 }
            }
            return leftOut >= indices.count / 2
        }
    }

    /// What is known of an executor, whether or not this pool uses it all the same.
    package struct Status: Sendable {
        /// The executor and its share in the pool.
        package var member: PoolMember
        /// The health of its engine where that is not well, else its own.
        package var state: ExecutorHealth.State
        /// Whether requests may go to it by what faults and probes say, be it one that tries it.
        ///
        /// Whether they do also depends on its weight.
        package var isUsable: Bool

        /// The executor of `member`.
        package var executor: Executor { member.executor }
    }

    /// The status of each member, in the order of `members`; from any thread.
    package func statuses(at now: Nanoseconds) -> [Status] {
        members.map { member in
            let executor = member.executor
            return Status(member: member, state: executor.health, isUsable: executor.use(at: now) != .no)
        }
    }
}

extension Executor {
    /// Whether a request may try it although it is bad, because it is answered or fails soon.
    ///
    /// An executor that refuses connections or answers with a failure does so at once. One that takes requests and does
    /// not begin to answer may only be slow, as may one whose probes are late while its bytes still arrive. A
    /// connection that is known not to be accepted would cost the whole connect timeout.
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

    /// Its faults, of this model alone, have ejected it.
    package var isEjectedAlone: Bool { availability.isEjected }
    /// What its last ejection was for: that of the engine where that is ejected, else its own.
    package var cause: ExecutorHealth.Cause {
        engine.isEjected ? engine.availability.cause : availability.cause
    }

    /// The engine's health where that is not well, else the executor's own.
    package var health: ExecutorHealth.State {
        let state = engine.health
        return state == .healthy ? availability.state : state
    }
}
