// How free slots are given to the requests that wait for a pool.
internal import Transport

extension PoolEntry.State {
    /// Whether waiting requests must be offered free slots before this new request takes one.
    ///
    /// This is so if requests wait that do not block those behind them (`returned` and `passedBy`). It is also so if a
    /// lower class must get the next slot to keep its share.
    func mustServeFirst(_ request: RoutingRequest, returning: Bool) -> Bool {
        if !returned.isEmpty || lines.hasPassedBy(downTo: request.priority) { return true }
        return !returning && lines.due != nil && !lines.hasQueue(downTo: request.priority)
    }

    /// Records that a request got a slot without a wait.
    mutating func tookAtOnce(_ request: RoutingRequest) {
        lines.lines[request.priority.rank].queue.lastServed = request.tenant
        lines.gaveSlot(to: request.priority)
    }

    /// Chooses executors for waiting requests, and counts their attempts.
    ///
    /// Requests in `returned` are first. Each further slot goes to the class that must get it to keep its share, and
    /// otherwise to the highest class.
    ///
    /// - Parameters:
    ///   - most: the largest number of requests whose waits this call ends.
    ///   - lowest: the lowest class that is served; a lower class gets only the slots that keep its share.
    mutating func serve(
        _ entry: PoolEntry,
        most: Int,
        downTo lowest: PriorityClass = .bulk,
        at now: Nanoseconds
    ) -> [PoolEntry.Ended] {
        var ended: [PoolEntry.Ended] = []
        var index = 0
        servePassed(\.returned, from: &index, &ended, most: most, at: now)
        var round = ServingRound()
        while ended.count < most, serveLines(&round, downTo: lowest, &ended, at: now) {}
        leaveIfEmpty(entry)
        return ended
    }

    /// What one call of `serve` has found out so far; it stays true, because executors only become fuller during the
    /// call.
    private struct ServingRound {
        /// For the line of each class, rank 0 first: the index in `Line.passedBy` of the request that this call tries
        /// next.
        var asked = [0, 0, 0]
        /// Whether a request of the latest configuration has found no slot.
        ///
        /// Then only requests of earlier configurations can find one, at executors that the latest does not have.
        var latestIsFull = false
        /// The paths for which every executor that serves them is full in the latest configuration; other executors may
        /// have room.
        var fullPaths: [PathSet] = []
    }

    /// Ends the wait of one request in `lines`; returns false if no request in `lines` finds a slot.
    private mutating func serveLines(
        _ round: inout ServingRound,
        downTo lowest: PriorityClass,
        _ ended: inout [PoolEntry.Ended],
        at now: Nanoseconds
    ) -> Bool {
        if let due = lines.due, serveLine(due, &round, &ended, at: now) { return true }
        for rank in 0...lowest.rank where lines.lines[rank].count > 0 {
            if serveLine(rank, &round, &ended, at: now) { return true }
        }
        return false
    }

    /// Ends the wait of one request of the class with this rank; returns false if no request of the class finds a slot.
    private mutating func serveLine(
        _ rank: Int,
        _ round: inout ServingRound,
        _ ended: inout [PoolEntry.Ended],
        at now: Nanoseconds
    ) -> Bool {
        let before = ended.count
        if round.asked[rank] < lines.lines[rank].passedBy.count {
            servePassed(\.lines.lines[rank].passedBy, from: &round.asked[rank], &ended, most: before + 1, at: now)
            if ended.count > before { return true }
        }
        while let (next, inQueue) = next(ofRank: rank, besides: round.fullPaths) {
            let isOfLatest = next.pool.generation == generation
            if isOfLatest, round.latestIsFull { return false }
            let ticket = QueueTicket.inOrder(next.request.priority, inQueue)
            let isFirst = round.fullPaths.isEmpty
            if let end = take(for: next, ticket, at: now) {
                _ = isFirst ? lines.lines[rank].queue.pop() : lines.lines[rank].queue.serve(inQueue)
                ended.append(end)
                return true
            }
            if isOfLatest, next.request.response == nil {
                guard next.pool.isRestricted(next.request, at: now) else {
                    round.latestIsFull = true
                    return false
                }
                round.fullPaths.append(next.request.path)
                continue
            }
            // The executors that this request may use are full: those of its earlier configuration, or the one that has
            // made the response that the request continues. Requests behind it may go to other executors, so it must
            // not block them.
            _ = isFirst ? lines.lines[rank].queue.pop() : lines.lines[rank].queue.serve(inQueue)
            lines.lines[rank].passedBy.append(PoolEntry.Passed(ticket: ticket, waiting: next))
            round.asked[rank] = lines.lines[rank].passedBy.count
        }
        return false
    }

    /// The next request of a class, except requests of the latest pool at one of these paths, whose executors are full.
    private mutating func next(
        ofRank rank: Int,
        besides paths: [PathSet]
    ) -> (element: PoolEntry.Waiting, ticket: FairQueue<PoolEntry.Waiting>.Ticket)? {
        guard !paths.isEmpty else {
            guard let next = lines.lines[rank].queue.first, let ticket = lines.lines[rank].queue.firstTicket else {
                return nil
            }
            return (next, ticket)
        }
        let latest = generation
        return lines.lines[rank].queue.first { $0.pool.generation < latest || !paths.contains($0.request.path) }
    }

    /// Serves the requests in `returned` or in one `passedBy`, until `most` waits have ended.
    ///
    /// A request in these arrays does not block the requests behind it.
    ///
    /// - Parameter index: where to begin; afterwards the index of the first request that this call has not tried to
    ///   serve.
    private mutating func servePassed(
        _ array: WritableKeyPath<Self, [PoolEntry.Passed]>,
        from index: inout Int,
        _ ended: inout [PoolEntry.Ended],
        most: Int,
        at now: Nanoseconds
    ) {
        var latestIsFull = false
        while ended.count < most, index < self[keyPath: array].count {
            let passed = self[keyPath: array][index]
            let isOfLatest = passed.waiting.pool.generation == generation
            if latestIsFull, isOfLatest {
                index += 1
            } else if let end = take(for: passed.waiting, passed.ticket, at: now) {
                self[keyPath: array].remove(at: index)
                ended.append(end)
            } else {
                // A request that may go to any executor of the latest pool has found no slot. No other request of the
                // latest pool would find one, so the rest of them are skipped.
                let request = passed.waiting.request
                let mayGoToAny = request.tried.isEmpty && request.response == nil && request.usesBad
                if isOfLatest, mayGoToAny, !passed.waiting.pool.isRestricted(request, at: now) { latestIsFull = true }
                index += 1
            }
        }
    }

    /// Ends the wait of a request if an executor takes it now, or if each executor is drained, has weight 0 or has been
    /// tried.
    ///
    /// - Returns: nil if the request goes on waiting.
    private mutating func take(
        for waiting: PoolEntry.Waiting,
        _ ticket: QueueTicket,
        at now: Nanoseconds
    ) -> PoolEntry.Ended? {
        let pool = waiting.pool
        guard case .executor(let executor, let placement) = pool.choose(waiting.request, &self, at: now) else {
            // The request goes on waiting for an ejected executor, which may recover by itself. It does not wait for a
            // drained executor, which stays drained until the operator gives another order.
            if pool.members.contains(where: { $0.mayTry(waiting.request, at: now) }) { return nil }
            let end = WithoutExecutor(pool: pool, ticket: ticket)
            return PoolEntry.Ended(waiting: waiting, end: .withoutExecutor(end))
        }
        lines.gaveSlot(to: waiting.request.priority)
        let prefix = waiting.request.prefix
        let grant = Grant(executor: executor, placement: placement, prefix: prefix, pool: pool, began: now)
        return PoolEntry.Ended(waiting: waiting, end: .granted(grant))
    }
}
