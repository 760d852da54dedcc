// Waiting for an executor of a pool: who may wait, how long that will be, and who is next when a place comes free.
package import Transport

/// An executor for a request that has waited: its attempt is counted already.
package struct Grant: Sendable {
    package let executor: Executor
    /// The pool that the request has waited for.
    package let pool: ExecutorPool
    let promptBytes: Int

    /// Whoever it was for is gone: the next one has its turn.
    package func giveBack(at now: Nanoseconds) {
        executor.promptDone(bytes: promptBytes)
        pool.release(executor, at: now)
    }
}

extension ExecutorPool {
    package enum Admission: Sendable {
        /// Its attempt is counted.
        case executor(Executor)
        /// `grant` will be called with an executor, unless `leave` is.
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
    ///   - queueMax: how many requests may wait; those that return are not refused because of it.
    ///   - grant: called once, from any thread, with an executor whose attempt is counted.
    package func admit(
        _ request: RoutingRequest,
        returning: Bool = false,
        waitMax: Nanoseconds,
        queueMax: Int,
        at now: Nanoseconds,
        grant: @escaping @Sendable (Grant) -> Void
    ) -> Admission {
        let (admission, granted) = entry.state.withLock { state -> (Admission, [PoolEntry.Granted]) in
            // A place that time has freed goes to those who have returned before.
            let granted = state.returned.isEmpty ? [] : state.serve(entry, most: .max, at: now)
            // Nobody goes before those who wait, but who has had a turn.
            let goesFirst = returning || state.queue.isEmpty
            if goesFirst {
                switch choose(request, &state, at: now) {
                case .executor(let executor): return (.executor(executor), granted)
                case .none: return (.none, granted)
                case .full: break
                }
            }
            if let refusal = refusal(of: request, returning, state, waitMax: waitMax, queueMax: queueMax, at: now) {
                return (refusal, granted)
            }
            // A place that came free before the engines knew that somebody waits here was announced to nobody.
            if state.join(entry, self), goesFirst, case .executor(let executor) = choose(request, &state, at: now) {
                state.leaveIfEmpty(entry)
                return (.executor(executor), granted)
            }
            let waiting = PoolEntry.Waiting(request: request, pool: self, grant: grant)
            return (.waiting(state.push(waiting, returning: returning)), granted)
        }
        PoolEntry.deliver(granted)
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
        let ahead = state.ahead(of: request.tenant, returning: returning)
        let predicted = state.pace.wait(behind: ahead)
        if waitMax == 0 { return .refused(retryAfter: max(Self.retryAfterMin, predicted ?? 0)) }
        // It has been let in already, and goes before the others: whether its time is enough will be seen.
        if returning { return nil }
        if state.waitingCount >= queueMax { return .refused(retryAfter: predicted ?? Self.retryAfterMin) }
        // One may always wait: so that the pace is learnt anew, however slow it once was.
        guard ahead > 0, let predicted, predicted > waitMax else { return nil }
        // Then the queue will have become short enough.
        return .refused(retryAfter: max(Self.retryAfterMin, predicted - waitMax))
    }

    private static let retryAfterMin: Nanoseconds = 1_000_000_000

    /// For how long each executor that may take the request has asked to be left alone, at least; nil if there is none.
    private func shortestPause(for request: RoutingRequest, at now: Nanoseconds) -> Nanoseconds? {
        var shortest: Nanoseconds?
        let mercy = mercy(usesBad: request.usesBad, at: now)
        for (place, member) in members.enumerated() where !request.tried.contains(member.executor.id) {
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
    package func release(_ executor: Executor, at now: Nanoseconds) {
        let wasFull = isFull(at: now)
        executor.attemptEnded()
        // Where somebody waits, the places that are given away tell the pace.
        if wasFull { entry.state.withLock { if $0.waitingCount == 0 { $0.pace.freed(at: now) } } }
        executor.engine.pump(at: now)
    }

    /// Gives the places that are free to those who wait.
    ///
    /// To be called from time to time while somebody waits: a pause ends, or an executor comes back, by itself.
    package func pump(at now: Nanoseconds) { _ = entry.serve(at: now) }

    /// How long one more of this tenant would wait, as places have come free so far; at least a second.
    package func predictedWait(of tenant: String) -> Nanoseconds {
        entry.state.withLock { state in
            max(Self.retryAfterMin, state.pace.wait(behind: state.ahead(of: tenant, returning: false)) ?? 0)
        }
    }

    package var waitingCount: Int { entry.waitingCount }
}
