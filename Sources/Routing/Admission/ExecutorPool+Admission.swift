// Waiting for an executor of a pool: who may wait, how long that will be, and who is next when a slot is freed.
internal import Synchronization
package import Transport

/// An executor for a request that has waited; the attempt is counted already.
package struct Grant: Sendable {
    /// The executor that the request goes to.
    package let executor: Executor
    /// The pool that the request has waited for.
    package let pool: ExecutorPool
    /// When the attempt was counted.
    package let began: Nanoseconds
    let promptBytes: Int

    /// Gives the slot to the next request, because the request that had waited for it is gone.
    package func giveBack(at now: Nanoseconds) {
        executor.promptDone(bytes: promptBytes)
        pool.release(executor, began: began, wasUsed: false, at: now)
    }
}

/// A request was removed from the queue to make room for a request of a tenant with fewer requests in it.
package struct GaveWay: Sendable {
    /// The pool in whose queue the request was.
    package let pool: ExecutorPool
    /// The ticket of the request.
    package let ticket: QueueTicket
    /// How long the same request would have to wait if it came now, in nanoseconds; at least a second.
    package let retryAfter: Nanoseconds
}

/// How a wait ends, unless the request leaves the queue itself.
package enum WaitEnd: Sendable {
    case granted(Grant)
    case gaveWay(GaveWay)

    /// Gives a granted executor to the next request, because the request that had waited is gone.
    package func giveBack(at now: Nanoseconds) {
        if case .granted(let grant) = self { grant.giveBack(at: now) }
    }
}

extension ExecutorPool {
    /// What becomes of a request that asks a pool for an executor.
    package enum Admission: Sendable {
        /// The request goes to this executor, and its attempt is counted.
        case executor(Executor)
        /// The request waits: `ended` will be called, unless `leave` is called before.
        case waiting(QueueTicket)
        /// It may not wait, the queue is full, or the wait would be too long; trying again may help after this time.
        case refused(retryAfter: Nanoseconds)
        /// Every executor has been tried for this request or may not be used.
        case none
    }

    /// Chooses an executor, or lets the request wait for one.
    ///
    /// - Parameters:
    ///   - returning: whether it has been at an executor before; then it is served before requests that have not.
    ///   - waitMax: how long it may still wait, in nanoseconds; with 0 it is refused when all executors are full.
    ///   - queueMax: how many requests that have not been at an executor may wait. When the queue is full, a request of
    ///     another tenant may have to give way to this one, see `FairQueue.makeRoom`.
    ///   - ended: called once, from any thread, with an executor whose attempt is counted, or because the request had
    ///     to give way to one of another tenant.
    package func admit(
        _ request: RoutingRequest,
        returning: Bool = false,
        waitMax: Nanoseconds,
        queueMax: Int,
        at now: Nanoseconds,
        ended: @escaping @Sendable (WaitEnd) -> Void
    ) -> Admission {
        let (admission, others) = entry.state.withLock { state -> (Admission, [PoolEntry.Ended]) in
            // No event says that a pause or an ejection is over, so a slot may be free. Requests that have been at an
            // executor before get it first.
            var others = state.returned.isEmpty ? [] : state.serve(entry, most: .max, at: now)
            // Only a request that has been at an executor may overtake those that wait.
            let goesFirst = returning || state.queue.isEmpty
            if goesFirst, let admission = admitAtOnce(request, &state, at: now) { return (admission, others) }
            if let refusal = refusal(of: request, returning, state, waitMax: waitMax, queueMax: queueMax, at: now) {
                return (refusal, others)
            }
            // Look once more: before the engines knew of this queue, they did not notify it of slots that were freed.
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

    /// Gives the request an executor without a wait.
    ///
    /// - Returns: nil if all usable executors are full.
    @inline(__always)
    private func admitAtOnce(
        _ request: RoutingRequest,
        _ state: inout PoolEntry.State,
        at now: Nanoseconds
    ) -> Admission? {
        switch choose(request, &state, at: now) {
        case .executor(let executor):
            if state.times.watchedSince != nil { state.queue.lastServed = request.tenant }
            return .executor(executor)
        case .none: return Admission.none
        case .full: return nil
        }
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
        // All executors that may take the request have asked for a pause that is longer than it may wait.
        if pause > waitMax { return .refused(retryAfter: pause) }
        if waitMax == 0 { return .refused(retryAfter: retryAfter(request, state, returning: returning, at: now)) }
        // It has been admitted before and is served before the others, so it waits as long as it may.
        if returning { return nil }
        // One request may always wait, whatever the forecast: otherwise no request could show that a pool that was slow
        // has become fast.
        let ahead = state.ahead(of: request, returning: false)
        if ahead > 0, let forecast = forecast(behind: ahead, state, at: now) {
            let most = max(pause, forecast.most)
            // After this time the queue will be short enough.
            if most > waitMax { return .refused(retryAfter: max(Self.retryAfterMin, most - waitMax)) }
        }
        guard state.hasRoom(for: request.tenant, queueMax: queueMax) else {
            return .refused(retryAfter: retryAfter(request, state, at: now))
        }
        return nil
    }

    private static let retryAfterMin: Nanoseconds = 1_000_000_000

    private func forecast(behind ahead: Int, _ state: PoolEntry.State, at now: Nanoseconds) -> SlotTimes.Forecast? {
        let running = members.reduce(0) { $0 + ($1.isInUse ? $1.executor.running : 0) }
        return state.times.forecast(behind: ahead, running: running, at: now)
    }

    /// How long the request would wait by the forecast, at least a second; a second if there is no forecast.
    func retryAfter(
        _ request: RoutingRequest,
        _ state: PoolEntry.State,
        returning: Bool = false,
        at now: Nanoseconds
    ) -> Nanoseconds {
        let ahead = state.ahead(of: request, returning: returning)
        return max(Self.retryAfterMin, forecast(behind: ahead, state, at: now)?.wait ?? 0)
    }

    /// The shortest pause of the executors that may take the request; nil if there is no such executor.
    private func shortestPause(for request: RoutingRequest, at now: Nanoseconds) -> Nanoseconds? {
        var shortest: Nanoseconds?
        let mercy = mercy(usesBad: request.usesBad, at: now)
        for index in members.indices where mayTry(index, request) {
            let member = members[index]
            let pause = member.executor.pause(at: now)
            guard member.executor.use(at: now) != .no || isSpared(index, by: mercy, at: now) else { continue }
            shortest = min(shortest ?? .max, pause)
        }
        return shortest
    }

    /// Takes a request out of the queue.
    ///
    /// - Returns: false when its wait has ended already; the caller then has to call `giveBack` on that `WaitEnd`.
    @discardableResult
    package func leave(_ ticket: QueueTicket) -> Bool {
        entry.state.withLock { state in
            let left = state.remove(ticket)
            state.leaveIfEmpty(entry)
            return left
        }
    }

    /// Ends an attempt, and gives its slot to the next waiting request of any pool that uses the engine.
    ///
    /// - Parameters:
    ///   - began: when the attempt was counted.
    ///   - wasUsed: false if no request was sent to the executor.
    package func release(_ executor: Executor, began: Nanoseconds, wasUsed: Bool = true, at now: Nanoseconds) {
        executor.attemptEnded()
        if entry.isWatched.load(ordering: .relaxed) {
            entry.state.withLock { $0.times.freed(takenAt: began, wasUsed: wasUsed, at: now) }
        }
        executor.engine.pump(at: now)
    }

    /// Gives free slots to requests that wait.
    ///
    /// To be called from time to time while requests wait, since no event says that a pause or an ejection is over.
    package func pump(at now: Nanoseconds) { _ = entry.serve(at: now) }

    /// How long one more request like this one would wait by the forecast; at least a second.
    package func predictedWait(of request: RoutingRequest, at now: Nanoseconds) -> Nanoseconds {
        entry.state.withLock { retryAfter(request, $0, at: now) }
    }

    /// How many requests of all snapshots wait in the queue of this pool.
    package var waitingCount: Int { entry.waitingCount }
}
