// Gives free slots at the executors of a pool to the requests that wait for the pool.
internal import Transport

extension PoolEntry.State {
    /// Whether free slots must be offered to waiting requests before this new request takes one.
    ///
    /// The result is true if an executor has tried a waiting request without success (`returned`). It is true if a
    /// request of this class or of a higher class waits for particular executors (`passedBy`). It is also true if a
    /// lower class must get the next slot, because the configuration guarantees that class a share of the slots.
    func mustServeFirst(_ request: RoutingRequest, returning: Bool) -> Bool {
        if !returned.isEmpty || lines.hasPassedBy(downTo: request.priority) { return true }
        return !returning && lines.due != nil && !lines.hasQueue(downTo: request.priority)
    }

    /// Records that a request got a slot without waiting.
    mutating func tookAtOnce(_ request: RoutingRequest) {
        lines.lines[request.priority.rank].queue.lastServed = request.tenant
        lines.gaveSlot(to: request.priority)
    }

    /// Gives free slots to waiting requests, and ends their waits.
    ///
    /// Requests that an executor has already tried without success (`returned`) come first. Each further slot goes to
    /// the class that must get it to keep its guaranteed share of the slots. If there is no such class, the slot goes
    /// to the highest class in which requests wait.
    ///
    /// - Parameters:
    ///   - most: the largest number of requests whose waits this call ends.
    ///   - lowest: the lowest class that is served; a lower class gets only the slots that keep its guaranteed share.
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

    /// What one call of `serve` has found out so far about requests that find no free slot.
    ///
    /// What it has found out holds until the call ends, because executors only become fuller during the call.
    private struct ServingRound {
        /// For each class, highest first, the index in the array `passedBy` of the request that `serve` tries next.
        ///
        /// `passedBy` contains the waiting requests that may use only particular executors.
        var asked = [0, 0, 0]
        /// Whether a request that came under the latest configuration has found no free slot at any executor.
        ///
        /// From then on, `serve` tries only requests of earlier configurations, because these may use executors that
        /// the latest configuration does not have.
        var latestIsFull = false
        /// The request paths whose executors in the latest configuration are all full.
        ///
        /// `serve` skips requests of the latest configuration at these paths, but other paths may have executors with
        /// free slots.
        var fullPaths: [PathSet] = []
    }

    /// Ends the wait of one request in `lines` (the waiting requests of all classes), usually with a free slot.
    ///
    /// - Returns: false if this call has ended no wait.
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

    /// Ends the wait of one request of the class with this rank, usually with a free slot.
    ///
    /// - Returns: false if this call has ended no wait.
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
            // This request may use only the executors of an earlier configuration, or only the executor that has made
            // the response that the request continues. These are full, but requests behind it may go to other
            // executors. So the request leaves the queue, and waits in `passedBy` without blocking them.
            _ = isFirst ? lines.lines[rank].queue.pop() : lines.lines[rank].queue.serve(inQueue)
            lines.lines[rank].passedBy.append(PoolEntry.Passed(ticket: ticket, waiting: next))
            round.asked[rank] = lines.lines[rank].passedBy.count
        }
        return false
    }

    /// The next request in the queue of a class.
    ///
    /// Requests of the latest configuration whose path is in `paths` are skipped, because all executors that serve
    /// these paths are full.
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

    /// Ends waits of requests in one array, usually with a free slot, until `ended` has `most` elements.
    ///
    /// The array is `returned` (requests that an executor has already tried without success), or `passedBy` of one
    /// class (requests that may use only particular executors). A request that finds no slot stays in the array, and
    /// the function tries the next one.
    ///
    /// - Parameter index: the index of the first request to try. Afterwards it is the index of the first request that
    ///   this call has not tried.
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
                // This request has found no slot. If it may use every executor of the latest configuration, all of
                // these executors are full. No other request of the latest configuration can then find a slot, so the
                // loop skips these requests.
                let request = passed.waiting.request
                let mayGoToAny = request.tried.isEmpty && request.response == nil && request.usesBad
                if isOfLatest, mayGoToAny, !passed.waiting.pool.isRestricted(request, at: now) { latestIsFull = true }
                index += 1
            }
        }
    }

    /// Gives a free slot to a waiting request, or ends its wait without one.
    ///
    /// The wait ends without a slot if the request can no longer use any executor of its pool, because each executor
    /// is drained, has weight 0 or has already tried the request.
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
