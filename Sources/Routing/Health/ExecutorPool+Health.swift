// What attempts show about the health of their executors, and which ejected executors a pool uses nevertheless.
package import Transport

extension ExecutorPool {
    /// What an attempt has shown about its executor.
    package enum Outcome: Sendable, Equatable {
        /// The executor sent its first event, or a whole JSON document.
        case good
        /// The whole answer has arrived after `good` was reported.
        case whole
        /// The attempt failed before the answer began.
        case fault(FaultScope)
        /// The attempt failed in the middle of the answer after `good` was reported.
        case lateFault(FaultScope)
        /// The attempt shows nothing about the executor, because the client left or caused the failure.
        case neither
        /// The executor answered that it is busy, usually with status 429.
        ///
        /// The executor is alive, and asks for a pause of this many nanoseconds; nil if it does not say how long.
        case busy(Nanoseconds?)
        /// The executor answered that its model is still being loaded.
        case loading
    }

    /// Records what an attempt has shown about this executor.
    package func report(_ outcome: Outcome, of executor: Executor, at now: Nanoseconds) {
        let engine = executor.engine
        switch outcome {
        case .good:
            let wasLoading = engine.isLoading || executor.availability.isLoading
            engine.availability.change { health, _ in health.succeeded(at: now) }
            executor.availability.change { health, _ in health.succeeded(at: now) }
            if wasLoading { engine.pump(at: now) }
        case .loading:
            engine.availability.change { health, _ in health.answered(at: now) }
            executor.availability.change { health, _ in health.loads(at: now) }
        case .whole:
            engine.availability.endedWhole()
            executor.availability.endedWhole()
        case .lateFault(let scope):
            if scope == .timeout, engine.modelsShareCapacity {
                engine.availability.change { health, _ in health.failedLate(scope, at: now) }
            } else {
                executor.availability.change { health, _ in health.failedLate(scope, at: now) }
            }
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

    /// Records that the executor has refused an attempt because it is busy.
    ///
    /// If the models of the engine share their capacity, the refusal counts for the engine, otherwise for the
    /// executor.
    private func refused(_ executor: Executor, pause: Nanoseconds?, at now: Nanoseconds) {
        let engine = executor.engine
        let isShared = engine.modelsShareCapacity
        engine.availability.change { health, load in
            health.trialTold(nothingAt: now)
            if isShared { load.refused(running: engine.runningInAll - 1, pause: pause, at: now) }
        }
        executor.availability.change { health, load in
            health.trialTold(nothingAt: now)
            if !isShared { load.refused(running: executor.runningInAll - 1, pause: pause, at: now) }
        }
    }

    private func engineFailed(_ executor: Executor, _ scope: FaultScope, at now: Nanoseconds) {
        executor.engine.availability.change { health, _ in health.failed(scope, at: now) }
        executor.availability.change { health, _ in health.trialTold(nothingAt: now) }
    }

    // MARK: Mercy

    /// Which unhealthy members the pool still uses, because too few of its members are healthy.
    enum Mercy {
        /// The pool uses no unhealthy member.
        ///
        /// Either at most half of the members are unhealthy, or all of them are and another pool can serve the request.
        case none
        /// More than half of the members are unhealthy, but not all.
        ///
        /// The pool uses some of the unhealthy members, so that it leaves out only half of its members. But it never
        /// uses members at dead engines.
        case some
        /// All members are unhealthy.
        ///
        /// The pool uses those of its members that a request can try at little cost, for example because a failing try
        /// ends at once.
        case all
    }

    /// Which unhealthy members the pool uses now, because too few of its members are healthy.
    ///
    /// Only members whose weight is above 0 and that serve the path of the request are counted.
    func mercy(for request: RoutingRequest = RoutingRequest(), at now: Nanoseconds) -> Mercy {
        var (count, bad) = (0, 0)
        for member in members where member.mayServe(request, at: now) {
            count += 1
            if member.executor.use(at: now) == .no { bad += 1 }
        }
        if bad == count { return request.usesBad ? .all : .none }
        return bad > count / 2 ? .some : .none
    }

    /// Whether the request waits for the model of this member to be loaded, so that it must not try the member yet.
    private func isAwaited(_ index: Int, _ request: RoutingRequest, at now: Nanoseconds) -> Bool {
        members[index].executor.awaitsLoad(for: request.loadWait, at: now)
    }

    /// Whether the pool uses the unhealthy member at this index, because too few of its members are healthy.
    ///
    /// If `mercy` is `some`, the pool never uses a member at a dead engine. It goes through the other unhealthy members
    /// in the order of `members`, and leaves them out until half of all members are left out. It uses the rest.
    func isSpared(
        _ index: Int,
        by mercy: Mercy,
        for request: RoutingRequest = RoutingRequest(),
        at now: Nanoseconds
    ) -> Bool {
        switch mercy {
        case .none: return false
        case .all: return members[index].executor.costsLittle(at: now) && !isAwaited(index, request, at: now)
        case .some:
            guard !members[index].executor.engine.isDead, !isAwaited(index, request, at: now) else { return false }
            var (count, leftOut) = (0, 0)
            for other in members.indices where members[other].mayServe(request, at: now) {
                count += 1
                guard members[other].executor.use(at: now) == .no else { continue }
                if other < index || members[other].executor.engine.isDead { leftOut += 1 }
            }
            return leftOut >= count / 2
        }
    }

    /// The health of one member of the pool.
    ///
    /// If too few members are healthy, the pool also uses unhealthy members (`Mercy`); the status does not show which.
    package struct Status: Sendable {
        /// The executor and its weight in the pool.
        package var member: PoolMember
        /// The health of the engine if the engine is not healthy, otherwise the executor's own health.
        package var state: ExecutorHealth.State
        /// Whether the health allows requests, or at least one request as a trial; false while the executor is drained.
        ///
        /// A member with weight 0 gets no requests, even if it is usable.
        package var isUsable: Bool

        /// The executor of `member`.
        package var executor: Executor { member.executor }
    }

    /// The status of each member, in the order of `members`; may be called from any thread.
    package func statuses(at now: Nanoseconds) -> [Status] {
        members.map { member in
            let executor = member.executor
            let isUsable = !executor.isDrained && executor.use(at: now) != .no
            return Status(member: member, state: executor.health, isUsable: isUsable)
        }
    }
}

extension Executor {
    /// Whether a request can try the unhealthy executor at little cost, because the request will soon be answered or
    /// fail.
    ///
    /// The result is true if the executor refuses connections or answers with a failure, because such a try ends at
    /// once. It is also true if the executor is late to answer, or if probes or connections fail while bytes still
    /// arrive, because the executor may only be slow. Otherwise it is false, because each try may cost the whole
    /// connect timeout.
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

    /// Whether the executor is ejected because of faults of its model, which do not count as faults of the engine.
    package var isEjectedAlone: Bool { availability.isEjected }
    /// Why the engine was ejected, if the engine is ejected; otherwise why this executor was ejected last.
    package var cause: ExecutorHealth.Cause {
        engine.isEjected ? engine.availability.cause : availability.cause
    }

    /// The health of the engine if the engine is not healthy, otherwise the executor's own health.
    package var health: ExecutorHealth.State {
        let state = engine.health
        return state == .healthy ? availability.state : state
    }
}
