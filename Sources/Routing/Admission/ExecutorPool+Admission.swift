// The wait for a slot of a pool: which requests may wait, how long they will wait, and which request gets the next
// slot. A slot is the room for one attempt at an executor.
internal import Synchronization
package import Transport

/// The executor that a request gets at the end of its wait.
///
/// The request's attempt is already counted at the executor.
package struct Grant: Sendable {
    /// The executor that the request goes to.
    package let executor: Executor
    /// Why the pool chose this executor, and how much of the prompt its cache is expected to hold.
    package let placement: Placement
    /// Hashes of the beginnings of the request's prompt, by which the pool remembers what each executor has cached.
    let prefix: PromptPrefix
    /// The pool in whose queue the request has waited.
    package let pool: ExecutorPool
    /// When the request got its slot at the executor, by the clock of the event loops.
    package let began: Nanoseconds

    /// Releases the slot for the next waiting request, because the request that got the slot no longer needs it.
    package func giveBack(at now: Nanoseconds) {
        executor.promptDone(bytes: placement.missingBytes)
        pool.takeBack(prefix, placement, of: executor)
        pool.release(executor, began: began, wasUsed: false, at: now)
    }
}

/// The removal of a request from the queue, to make room for a request of a higher class, or of a tenant with fewer
/// waiting requests.
package struct GaveWay: Sendable {
    /// The pool in whose queue the request was.
    package let pool: ExecutorPool
    /// Identifies the removed request: the ticket that `admit` returned when the request began to wait.
    package let ticket: QueueTicket
    /// How long the same request would have to wait if it came now, in nanoseconds; at least 1 s.
    package let retryAfter: Nanoseconds
}

/// The removal of a request from the queue, because every executor that could take it is drained or has weight 0.
package struct WithoutExecutor: Sendable {
    /// The pool in whose queue the request was.
    package let pool: ExecutorPool
    /// Identifies the removed request: the ticket that `admit` returned when the request began to wait.
    package let ticket: QueueTicket
}

/// How the wait of a request ended, unless `ExecutorPool.leave` ended it.
package enum WaitEnd: Sendable {
    case granted(Grant)
    case gaveWay(GaveWay)
    /// Every executor that could take the request is drained or has weight 0.
    case withoutExecutor(WithoutExecutor)

    /// Releases the granted slot for the next waiting request; does nothing if no slot was granted.
    ///
    /// The caller does this if the request no longer needs the slot.
    package func giveBack(at now: Nanoseconds) {
        if case .granted(let grant) = self { grant.giveBack(at: now) }
    }
}

extension ExecutorPool {
    /// The result of asking a pool for an executor.
    package enum Admission: Sendable {
        /// The request goes to this executor, at which its attempt is already counted.
        case executor(Executor, Placement)
        /// The request waits in the queue.
        ///
        /// The closure `ended`, which was passed to `admit`, is called at the end of the wait, unless `leave` is called
        /// first.
        case waiting(QueueTicket)
        /// The request may not wait, the queue is full, or the wait would be too long.
        ///
        /// A new try may succeed after `retryAfter` nanoseconds.
        case refused(retryAfter: Nanoseconds)
        /// No executor may take the request now, but at least one of them is loading its model.
        ///
        /// The request may wait until the model is loaded: the caller then calls `admit` again with `awaitsLoad`.
        case loading
        /// No executor may take the request: each has been tried, is drained, has weight 0 or is excluded for its
        /// health.
        case none
    }

    /// Chooses an executor for a request, puts the request into the queue, or refuses it.
    ///
    /// - Parameters:
    ///   - returning: whether the request has already been at an executor. Such a request is served before requests
    ///     that have not been at an executor.
    ///   - waitMax: how long the request may still wait, in nanoseconds. With 0, the request is refused if all
    ///     executors are full.
    ///   - queueMax: how many requests that have not been at an executor may wait. If the queue is full, a request of
    ///     a lower class or of another tenant may have to give way, see `WaitingLines.makeRoom`.
    ///   - awaitsLoad: whether the request may wait in the queue for a model that is being loaded.
    ///   - ended: called once, from any thread, at the end of the wait. The wait ends when the request gets an
    ///     executor, when it must give way to another request, or when every executor that could take it is drained or
    ///     has weight 0.
    package func admit(
        _ request: RoutingRequest,
        returning: Bool = false,
        waitMax: Nanoseconds,
        queueMax: Int,
        awaitsLoad: Bool = false,
        at now: Nanoseconds,
        ended: @escaping @Sendable (WaitEnd) -> Void
    ) -> Admission {
        let (admission, others) = entry.state.withLock { state -> (Admission, [PoolEntry.Ended]) in
            // A slot may be free although requests wait, because no event reports that an executor may be used again
            // after it has refused or failed requests. `serve` gives such slots to waiting requests if the new request
            // must not overtake them, or if the first waiting request of a tenant may use only some of the executors.
            // A slot that is still free after `serve` is of no use to that waiting request, so the new one may take it.
            let isHeadRestricted = isHeadRestricted(state, downTo: request.priority, at: now)
            var others =
                isHeadRestricted || state.mustServeFirst(request, returning: returning)
                ? state.serve(entry, most: .max, downTo: request.priority, at: now) : []
            // The new request may take a free slot ahead of requests of its own class or a higher class that still wait
            // if it has been at an executor before, or if the first waiting request of a tenant may use only some of
            // the executors.
            let goesFirst = returning || isHeadRestricted || !state.lines.hasQueue(downTo: request.priority)
            if goesFirst, let admission = admitAtOnce(request, &state, awaitsLoad: awaitsLoad, at: now) {
                return (admission, others)
            }
            let limits = QueueLimits(waitMax: waitMax, queueMax: queueMax, awaitsLoad: awaitsLoad)
            if let refusal = refusal(of: request, returning, state, limits, at: now) { return (refusal, others) }
            // From `join` on, the engines notify this pool of each slot that becomes free. A slot may have become free
            // shortly before, without a notice, so the choice is repeated here.
            if state.join(entry, self), goesFirst,
                case .executor(let executor, let placement) = choose(request, &state, at: now)
            {
                state.leaveIfEmpty(entry)
                return (.executor(executor, placement), others)
            }
            if !returning, let way = state.makeRoom(for: request, queueMax: queueMax, at: now) {
                others.append(way)
            }
            let waiting = PoolEntry.Waiting(request: request, pool: self, ended: ended)
            return (.waiting(state.push(waiting, returning: returning)), others)
        }
        PoolEntry.deliver(others)
        return admission
    }

    /// Whether any waiting request that is the first one of its tenant may use only some of the executors.
    ///
    /// Only requests of the class `priority` and of higher classes are considered.
    private func isHeadRestricted(_ state: PoolEntry.State, downTo priority: PriorityClass, at now: Nanoseconds) -> Bool
    {
        state.lines.lines[...priority.rank].contains { line in
            line.queue.hasFirst { $0.request.response != nil || $0.pool.isRestricted($0.request, at: now) }
        }
    }

    /// Gives the request an executor without a wait, if there is a slot.
    ///
    /// - Returns: nil if all usable executors are full, or if a model is being loaded for which the request may wait.
    @inline(__always)
    private func admitAtOnce(
        _ request: RoutingRequest,
        _ state: inout PoolEntry.State,
        awaitsLoad: Bool,
        at now: Nanoseconds
    ) -> Admission? {
        switch choose(request, &state, at: now) {
        case .executor(let executor, let placement):
            if state.times.watchedSince != nil { state.tookAtOnce(request) }
            return .executor(executor, placement)
        case .none: return Admission.none
        case .loading: return awaitsLoad ? nil : .loading
        case .full: return nil
        }
    }

    /// How long a request may wait, how many requests may wait, and whether it may wait for a model to be loaded.
    private struct QueueLimits {
        var waitMax: Nanoseconds
        var queueMax: Int
        var awaitsLoad: Bool
    }

    private func refusal(
        of request: RoutingRequest,
        _ returning: Bool,
        _ state: PoolEntry.State,
        _ limits: QueueLimits,
        at now: Nanoseconds
    ) -> Admission? {
        let waitMax = limits.waitMax
        guard let pause = shortestPause(for: request, at: now) else {
            guard awaitsLoad(request, at: now) else { return Admission.none }
            guard limits.awaitsLoad else { return .loading }
            if returning || state.lines.hasRoom(for: request, queueMax: limits.queueMax) { return nil }
            return .refused(retryAfter: Self.retryAfterMin)
        }
        // An executor that has refused requests gets none for a time, its pause. The request is refused if all
        // executors that may take it have a pause longer than the request may wait.
        if pause > waitMax { return .refused(retryAfter: pause) }
        if waitMax == 0 { return .refused(retryAfter: retryAfter(request, state, returning: returning, at: now)) }
        // A request that has been at an executor was admitted before, and waits ahead of all new requests. So it is not
        // refused for a long forecast.
        if returning { return nil }
        // A request with no other request ahead may always wait, whatever the forecast is. Otherwise no request could
        // show that a slow pool has become fast.
        let ahead = state.ahead(of: request, returning: false)
        if ahead > 0, let forecast = forecast(behind: ahead, state, at: now) {
            let most = max(pause, forecast.most)
            // The client should try again after `most - waitMax`: by then, the forecast wait has fallen to `waitMax`.
            if most > waitMax { return .refused(retryAfter: max(Self.retryAfterMin, most - waitMax)) }
        }
        guard state.lines.hasRoom(for: request, queueMax: limits.queueMax) else {
            return .refused(retryAfter: retryAfter(request, state, at: now))
        }
        return nil
    }

    private static let retryAfterMin: Nanoseconds = 1_000_000_000

    private func forecast(behind ahead: Int, _ state: PoolEntry.State, at now: Nanoseconds) -> SlotTimes.Forecast? {
        let running = members.reduce(0) { $0 + ($1.isInUse ? $1.executor.runningInAll : 0) }
        return state.times.forecast(behind: ahead, running: running, at: now)
    }

    /// The forecast wait of the request in nanoseconds, at least 1 s; 1 s if there is no forecast.
    func retryAfter(
        _ request: RoutingRequest,
        _ state: PoolEntry.State,
        returning: Bool = false,
        at now: Nanoseconds
    ) -> Nanoseconds {
        let ahead = state.ahead(of: request, returning: returning)
        return max(Self.retryAfterMin, forecast(behind: ahead, state, at: now)?.wait ?? 0)
    }

    /// How long it takes until an executor that may take the request has no pause, in nanoseconds.
    ///
    /// A pause is the time in which an executor gets no requests because it has refused some. The result is 0 if one of
    /// these executors has no pause now, and nil if no executor may take the request.
    private func shortestPause(for request: RoutingRequest, at now: Nanoseconds) -> Nanoseconds? {
        var shortest: Nanoseconds?
        let mercy = mercy(for: request, at: now)
        for index in members.indices where members[index].mayTry(request, at: now) {
            let member = members[index]
            let pause = member.executor.pause(at: now)
            guard member.executor.use(at: now) != .no || isSpared(index, by: mercy, for: request, at: now) else {
                continue
            }
            shortest = min(shortest ?? .max, pause)
        }
        return shortest
    }

    /// Whether an executor may take the request now or later, for example once it has a free slot.
    package func hasUsable(for request: RoutingRequest, at now: Nanoseconds) -> Bool {
        shortestPause(for: request, at: now) != nil
    }

    /// Removes a request from the queue.
    ///
    /// - Returns: false if the wait has already ended. The caller must then call `giveBack` on the `WaitEnd` that the
    ///   closure `ended` receives.
    @discardableResult
    package func leave(_ ticket: QueueTicket) -> Bool {
        entry.state.withLock { state in
            let left = state.remove(ticket)
            state.leaveIfEmpty(entry)
            return left
        }
    }

    /// Ends an attempt, and gives its slot to the next waiting request of any pool that has an executor at the same
    /// engine.
    ///
    /// - Parameters:
    ///   - began: when the attempt got its slot at the executor.
    ///   - wasUsed: false if no request was sent to the executor. The duration of the attempt is not recorded then.
    package func release(_ executor: Executor, began: Nanoseconds, wasUsed: Bool = true, at now: Nanoseconds) {
        executor.attemptEnded()
        if entry.isWatched.load(ordering: .relaxed) {
            entry.state.withLock { $0.times.freed(takenAt: began, wasUsed: wasUsed, at: now) }
        }
        executor.engine.pump(at: now)
    }

    /// Gives free slots to waiting requests.
    ///
    /// While requests wait, a worker calls this function regularly. No event reports that an executor may be used again
    /// after it has refused or failed requests.
    package func pump(at now: Nanoseconds) { _ = entry.serve(at: now) }

    /// The forecast of how long a request like `request` would wait if it came now, in nanoseconds; at least 1 s.
    package func predictedWait(of request: RoutingRequest, at now: Nanoseconds) -> Nanoseconds {
        entry.state.withLock { retryAfter(request, $0, at: now) }
    }

    /// The number of requests that wait in the queue of this pool, including those that began under an earlier
    /// configuration.
    package var waitingCount: Int { entry.waitingCount }

    /// The number of waiting requests of each class, in the order of `PriorityClass.allCases`.
    package var waitingCounts: [Int] { entry.waitingCounts }
}
