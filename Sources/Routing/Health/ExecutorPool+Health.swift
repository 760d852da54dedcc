// What attempts show of their executors, and how the members of a pool stand.
package import Transport

/// Whose fault a failed attempt is, if it is not the client's.
package enum FaultScope: Sendable, Equatable {
    /// It could not be reached, its certificate is not to be trusted, or it broke off before its first event.
    case connection
    /// It has answered: with a status of failure, or an error event.
    case answer
    /// It can be reached, and its answer or the rest of it did not come in time.
    case timeout
}

extension ExecutorPool {
    /// How an attempt ended, as far as it says something of its executor.
    package enum Outcome: Sendable, Equatable {
        /// It gave its first event, or a whole answer.
        case good
        case fault(FaultScope)
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
        case .fault(.connection): engineFailed(executor, at: now)
        case .fault(.timeout) where engine.modelsShareCapacity: engineFailed(executor, at: now)
        case .fault(let scope):
            let mayEject = mayEject(1) { $0.executor !== executor }
            executor.availability.change { health, _ in health.failed(at: now, mayEject: mayEject) }
            engine.availability.change { health, _ in
                if scope == .answer { health.answered(at: now) } else { health.trialTold(nothingAt: now) }
            }
        case .neither:
            engine.availability.change { health, _ in health.trialTold(nothingAt: now) }
            executor.availability.change { health, _ in health.trialTold(nothingAt: now) }
        case .busy(let pause):
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
    }

    private func engineFailed(_ executor: Executor, at now: Nanoseconds) {
        let mayEject = mayLeaveOut(executor.engine)
        executor.engine.availability.change { health, _ in health.failed(at: now, mayEject: mayEject) }
        executor.availability.change { health, _ in health.trialTold(nothingAt: now) }
    }

    /// Whether the pool can do without an engine: never more than half of a pool is left out.
    package func mayLeaveOut(_ engine: Engine) -> Bool {
        mayEject(members.count { $0.executor.engine === engine }) { $0.executor.engine !== engine }
    }

    private func mayEject(_ count: Int, others isOther: (PoolMember) -> Bool) -> Bool {
        let out = members.count { isOther($0) && $0.executor.isEjected }
        return out + count <= members.count / 2
    }

    /// An executor as it stands in this pool.
    package struct Standing: Sendable {
        package var member: PoolMember
        package var state: ExecutorHealth.State
        /// Requests may go to it, be it one that tries it.
        package var isUsable: Bool

        package var executor: Executor { member.executor }
    }

    package func standings(at now: Nanoseconds) -> [Standing] {
        members.map { member in
            let executor = member.executor
            return Standing(member: member, state: executor.health, isUsable: executor.use(at: now) != .no)
        }
    }
}

extension Executor {
    var isEjected: Bool { engine.availability.isEjected || availability.isEjected }

    /// The engine's health where that is not well, else the executor's own.
    package var health: ExecutorHealth.State {
        let state = engine.health
        return state == .healthy ? availability.state : state
    }
}
