// The requests that wait for a pool, by their classes: which class gets the next slot, who is ahead of a new request,
// and who gives way when the queue is full.
internal import Transport

/// The waiting requests of one pool that have not been at an executor; the pool's lock guards the value.
///
/// Each class has a line of its own, which is fair between tenants. Higher classes are served first. To guarantee the
/// shares of `QueueShares`, a lower class is credited its share, in percent of a slot, for each slot that is given away
/// while its requests wait. Once its credit reaches a whole slot, it gets that slot. So with a share of 5 percent, at
/// least one of 20 slots goes to the class.
struct WaitingLines: Sendable {
    /// The waiting requests of one class.
    struct Line: Sendable {
        /// The requests in the order in which they are served.
        var queue = FairQueue<PoolEntry.Waiting>()
        /// Requests that were first in `queue` when every executor that they may use was full, although others had
        /// room.
        ///
        /// Such a request may use only the executors of an earlier configuration, or only the executor that has made
        /// the response that the request continues. These requests are served before the requests in `queue`, in the
        /// order of this array, but do not block the requests behind them.
        var passedBy: [PoolEntry.Passed] = []
        /// The credit in percent of a slot, 0 or more.
        var credit = 0

        var count: Int { queue.count + passedBy.count }
    }

    /// The line of each class, at the rank of the class.
    var lines = [Line](repeating: Line(), count: PriorityClass.allCases.count)
    /// The shares that the latest configuration gives to the classes.
    var shares = QueueShares()

    /// The number of waiting requests.
    var count: Int { lines.reduce(0) { $0 + $1.count } }
    /// The number of requests that count against the limit of the queue.
    private var queuedCount: Int { lines.reduce(0) { $0 + $1.queue.count } }

    /// Whether requests of this class or of a higher class wait in order, so that a new request must not overtake them.
    func hasQueue(downTo priority: PriorityClass) -> Bool {
        lines[...priority.rank].contains { !$0.queue.isEmpty }
    }

    /// Whether requests of this class or of a higher class wait in `passedBy`.
    func hasPassedBy(downTo priority: PriorityClass) -> Bool {
        lines[...priority.rank].contains { !$0.passedBy.isEmpty }
    }

    // MARK: Shares

    /// The rank of the class that must get the next slot to keep its share; nil if no lower class is due.
    var due: Int? {
        (1..<lines.count).first { rank in
            lines[rank].count > 0 && lines[rank].credit + shares.percent(ofRank: rank) >= 100
        }
    }

    /// Counts a slot that is given to a request of this class, while the waiting requests are still in their lines.
    mutating func gaveSlot(to priority: PriorityClass) {
        for rank in 1..<lines.count {
            if lines[rank].count > 0 { lines[rank].credit += shares.percent(ofRank: rank) }
            // The slot uses up credit of its class, whether or not the class got the slot because of its share.
            if rank == priority.rank { lines[rank].credit = max(0, lines[rank].credit - 100) }
        }
    }

    // MARK: Adding and removing

    /// Adds a request behind the others of its class and tenant.
    mutating func push(_ waiting: PoolEntry.Waiting) -> QueueTicket {
        let request = waiting.request
        let rank = request.priority.rank
        // The credit belongs to requests that have waited. A class without waiting requests begins again with none.
        if lines[rank].count == 0 { lines[rank].credit = 0 }
        let ticket = lines[rank].queue.push(waiting, tenant: request.tenant, cost: request.promptBytes)
        return .inOrder(request.priority, ticket)
    }

    /// Removes a request; returns false if it does not wait any more.
    mutating func remove(_ ticket: QueueTicket) -> Bool {
        guard case .inOrder(let priority, let inQueue) = ticket else { return false }
        if lines[priority.rank].queue.remove(inQueue) != nil { return true }
        guard let index = lines[priority.rank].passedBy.firstIndex(where: { $0.ticket == ticket }) else { return false }
        lines[priority.rank].passedBy.remove(at: index)
        return true
    }

    // MARK: The place of a new request

    /// Estimates how many waiting requests would be served before a new request.
    ///
    /// The estimate assumes that no further requests arrive. A lower class is served at the latest by its share.
    func ahead(of request: RoutingRequest) -> Int {
        let rank = request.priority.rank
        let line = lines[rank]
        // The number of slots that this class gets until the new request is served, including its own slot.
        let own = line.passedBy.count + line.queue.ahead(of: request.tenant, cost: request.promptBytes) + 1
        var slots = own + lines[..<rank].reduce(0) { $0 + $1.count }
        for lower in (rank + 1)..<max(rank + 1, lines.count) where lines[lower].count > 0 {
            let credit = lines[lower].credit + slots * shares.percent(ofRank: lower)
            slots += min(lines[lower].count, credit / 100)
        }
        let share = shares.percent(ofRank: rank)
        if share > 0 {
            let credit = line.count > 0 ? line.credit : 0
            slots = min(slots, max(own, (own * 100 - credit + share - 1) / share))
        }
        return slots - 1
    }

    // MARK: Making room

    /// Whether one more request like `request` may wait, if need be in place of another request.
    func hasRoom(for request: RoutingRequest, queueMax: Int) -> Bool {
        queuedCount < queueMax || giver(for: request, queueMax: queueMax) != nil
    }

    /// Makes room for one more request, if the queue is full.
    ///
    /// A request of the lowest class gives way first, but no class gives way to a lower one. Between requests of the
    /// same class, tenants share the room, see `FairQueue.makeRoom`.
    ///
    /// - Returns: the removed request; nil if none was removed.
    mutating func makeRoom(
        for request: RoutingRequest,
        queueMax: Int
    ) -> (waiting: PoolEntry.Waiting, ticket: QueueTicket)? {
        guard queuedCount >= queueMax, let rank = giver(for: request, queueMax: queueMax) else { return nil }
        let isOwn = rank == request.priority.rank
        let way = isOwn ? lines[rank].queue.makeRoom(for: request.tenant) : lines[rank].queue.removeLatest()
        return way.map { ($0.element, .inOrder(PriorityClass.allCases[rank], $0.ticket)) }
    }

    /// The rank of the class from which a request gives way to a new request; nil if none does.
    ///
    /// A lower class keeps as many requests as its share of the queue, rounded down.
    private func giver(for request: RoutingRequest, queueMax: Int) -> Int? {
        let own = request.priority.rank
        for rank in ((own + 1)..<max(own + 1, lines.count)).reversed() {
            let kept = queueMax * shares.percent(ofRank: rank) / 100
            if lines[rank].queue.count > kept { return rank }
        }
        return lines[own].queue.mayMakeRoom(for: request.tenant) ? own : nil
    }
}
