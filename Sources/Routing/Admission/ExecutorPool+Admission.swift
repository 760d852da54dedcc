// Waiting for an executor of a pool: who may wait, how long that will be, and who is next when a place comes free.
internal import Synchronization
package import Transport

/// An executor for a request that has waited: its attempt is counted already.
package struct Grant: Sendable {
    package let executor: Executor
    /// The pool that the request has waited for.
    package let pool: ExecutorPool
    /// When its attempt was counted.
    package let began: Nanoseconds
    let promptBytes: Int

    /// Whoever it was for is gone: the next one has its turn.
    package func giveBack(at now: Nanoseconds) {
        executor.promptDone(bytes: promptBytes)
        pool.release(executor, began: began, wasUsed: false, at: now)
    }
}

/// A request had to leave the queue, since its tenant had more in it than others that came.
package struct GaveWay: Sendable {
    /// The pool and the place that it waited for.
    package let pool: ExecutorPool
    package let ticket: QueueTicket
    /// How long one more of its tenant would wait now, at least a second.
    package let retryAfter: Nanoseconds
}

/// How a wait has ended that the request has not ended itself.
package enum WaitEnd: Sendable {
    case granted(Grant)
    case gaveWay(GaveWay)

    /// Whoever is told is gone: an executor goes to the next one.
    package func giveBack(at now: Nanoseconds) {
        if case .granted(let grant) = self { grant.giveBack(at: now) }
    }
}

extension ExecutorPool {
    package enum Admission: Sendable {
        /// Its attempt is counted.
        case executor(Executor)
        /// `ended` will be called, unless `leave` is.
        case waiting(QueueTicket)
        /// It may not wait, the queue is full, or the wait would be too long: worth trying again after this time.
        case refused(retryAfter: Nanoseconds)
        /// There is no executor that has not been tried and may be used.
        case none
    }

    /// Chooses an executor, or lets the request wait for one.
    ///
    /// - Parameters:
    ///   - returning: it has been at an executor, and goes before those who have not.
    ///   - waitMax: how long it may still wait; 0: it is refused when all executors are full.
    ///   - queueMax: how many requests may wait that have not been at an executor. Room for one more of a tenant is made by
    ///     the tenant that has the most waiting, where that has more than one more than the tenant.
    ///   - ended: called once, from any thread, with an executor whose attempt is counted, or since the request had to give
    ///     way to one of another tenant.
    package func admit(
        _ request: RoutingRequest,
        returning: Bool = false,
        waitMax: Nanoseconds,
        queueMax: Int,
        at now: Nanoseconds,
        ended: @escaping @Sendable (WaitEnd) -> Void
    ) -> Admission {
        let (admission, others) = entry.state.withLock { state -> (Admission, [PoolEntry.Ended]) in
            // A place that time has freed goes to those who have returned before.
            var others = state.returned.isEmpty ? [] : state.serve(entry, most: .max, at: now)
            // Nobody goes before those who wait, but who has had a turn.
            let goesFirst = returning || state.queue.isEmpty
            if goesFirst {
                switch choose(request, &state, at: now) {
                case .executor(let executor):
                    if state.times.watchedSince != nil { state.queue.lastServed = request.tenant }
                    return (.executor(executor), others)
                case .none: return (.none, others)
                case .full: break
                }
            }
            if let refusal = refusal(of: request, returning, state, waitMax: waitMax, queueMax: queueMax, at: now) {
                return (refusal, others)
            }
            // A place that came free before the engines knew that somebody waits here was announced to nobody.
            if state.join(entry, self), goesFirst, case .executor(let executor) = choose(request, &state, at: now) {
                state.leaveIfEmpty(entry)
                return (.executor(executor), others)
            }
            if !returning, let way = state.makeRoom(for: request.tenant, queueMax: queueMax, at: now) {
                others.append(way)
            }
            let waiting = PoolEntry.Waiting(request: request, pool: self, ended: ended)
            return (.waiting(state.push(waiting, returning: returning)), others)
        }
        PoolEntry.deliver(others)
        return admission
    }

    private func refusal(
        of request: RoutingRequest,
        _ returning: Bool,
        _ state: PoolEntry.State,
        waitMax: Nanoseconds,
        queueMax: Int,
        at now: Nanoseconds
    ) -> Admission? {
        guard let pause = shortestPause(for: request, at: now) else { return Admission.none }
        // All of them have asked to be left alone for longer than it may wait.
        if pause > waitMax { return .refused(retryAfter: pause) }
        if waitMax == 0 { return .refused(retryAfter: retryAfter(request, state, returning: returning, at: now)) }
        // It has been let in already, and goes before the others: whether its time is enough will be seen.
        if returning { return nil }
        // One may always wait: so that a pool that was slow is learnt anew.
        let ahead = state.ahead(of: request, returning: false)
        if ahead > 0, let forecast = forecast(behind: ahead, state, at: now) {
            let most = max(pause, forecast.most)
            // Then the queue will have become short enough.
            if most > waitMax { return .refused(retryAfter: max(Self.retryAfterMin, most - waitMax)) }
        }
        guard state.hasRoom(for: request.tenant, queueMax: queueMax) else {
            return .refused(retryAfter: retryAfter(request, state, at: now))
        }
        return nil
    }

    private static let retryAfterMin: Nanoseconds = 1_000_000_000

    private func forecast(behind ahead: Int, _ state: PoolEntry.State, at now: Nanoseconds) -> SlotTimes.Forecast? {
        let running = places.reduce(0) { $0 + members[$1].executor.running }
        return state.times.forecast(behind: ahead, running: running, at: now)
    }

    /// How long such a request would wait, as places have come free so far; at least a second.
    func retryAfter(
        _ request: RoutingRequest,
        _ state: PoolEntry.State,
        returning: Bool = false,
        at now: Nanoseconds
    ) -> Nanoseconds {
        let ahead = state.ahead(of: request, returning: returning)
        return max(Self.retryAfterMin, forecast(behind: ahead, state, at: now)?.wait ?? 0)
    }

    /// For how long each executor that may take the request has asked to be left alone, at least; nil if there is none.
    private func shortestPause(for request: RoutingRequest, at now: Nanoseconds) -> Nanoseconds? {
        var shortest: Nanoseconds?
        let mercy = mercy(usesBad: request.usesBad, at: now)
        for place in places where !request.tried.contains(members[place].executor.id) {
            let member = members[place]
            let pause = member.executor.pause(at: now)
            guard member.executor.use(at: now) != .no || isSpared(place, by: mercy, at: now) else { continue }
            shortest = min(shortest ?? .max, pause)
        }
        return shortest
    }

    /// The request waits no more.
    ///
    /// - Returns: false when its grant is on its way already: then that is to be given back.
    @discardableResult
    package func leave(_ ticket: QueueTicket) -> Bool {
        entry.state.withLock { state in
            let left = state.remove(ticket)
            state.leaveIfEmpty(entry)
            return left
        }
    }

    /// An attempt is over: its place goes to who is next, in whichever pool.
    ///
    /// - Parameters:
    ///   - began: when the attempt was counted.
    ///   - wasUsed: false where nothing has been done with it.
    package func release(_ executor: Executor, began: Nanoseconds, wasUsed: Bool = true, at now: Nanoseconds) {
        executor.attemptEnded()
        if entry.isWatched.load(ordering: .relaxed) {
            entry.state.withLock { $0.times.freed(takenAt: began, wasUsed: wasUsed, at: now) }
        }
        executor.engine.pump(at: now)
    }

    /// Gives the places that are free to those who wait.
    ///
    /// To be called from time to time while somebody waits: a pause ends, or an executor comes back, by itself.
    package func pump(at now: Nanoseconds) { _ = entry.serve(at: now) }

    /// How long one more such request would wait, as places have come free so far; at least a second.
    package func predictedWait(of request: RoutingRequest, at now: Nanoseconds) -> Nanoseconds {
        entry.state.withLock { retryAfter(request, $0, at: now) }
    }

    package var waitingCount: Int { entry.waitingCount }
}
