// The requests that wait for a slot in a pool, in one queue for each priority class. The queues decide which class gets
// the next free slot, how many requests are served before a new one, and which request is removed when there are too
// many.
internal import Transport

/// The requests of one pool that wait for their first attempt; the pool's lock guards the value.
///
/// Each class has its own queue, which is fair between tenants. Higher classes are served first. But `QueueShares`
/// guarantees each lower class a part of the slots. For this, a class with waiting requests gets a credit for each slot
/// that any request gets: its share, in percent of a slot. Once the credit reaches a whole slot, the class gets the
/// next slot. So with a share of 5 percent, at least one of 20 slots goes to the class.
struct WaitingLines: Sendable {
    /// The waiting requests of one class.
    struct Line: Sendable {
        /// The requests in the order in which they get slots.
        var queue = FairQueue<PoolEntry.Waiting>()
        /// Requests whose turn came when every executor that they may use was full, although other executors may still
        /// have had free slots.
        ///
        /// Such a request may use only the executors of an earlier configuration, or only the executor that has made
        /// the response that the request continues. For each free slot, the requests of this array are tried first, in
        /// their order. If none of them can use the slot, the requests in `queue` are tried.
        var passedBy: [PoolEntry.Passed] = []
        /// How much of the next slot is already due to this class, in percent; 0 or more.
        ///
        /// While requests of this class wait, each slot that the pool gives to any request raises the credit by the
        /// percentage of slots that the configuration guarantees to the class. The highest class has no credit.
        var credit = 0

        var count: Int { queue.count + passedBy.count }
    }

    /// The waiting requests of each class; the index is the rank of the class, which is 0 for the highest class.
    var lines = [Line](repeating: Line(), count: PriorityClass.allCases.count)
    /// The percentages of slots and of queue space that the latest configuration guarantees to the classes.
    var shares = QueueShares()

    /// The number of waiting requests.
    var count: Int { lines.reduce(0) { $0 + $1.count } }
    /// The number of requests that `queueMax` limits: all waiting requests except those in `passedBy`, which wait for
    /// particular executors.
    private var queuedCount: Int { lines.reduce(0) { $0 + $1.queue.count } }

    /// Whether requests of this class or of a higher class wait in a `queue`, so that a new request must wait behind
    /// them.
    func hasQueue(downTo priority: PriorityClass) -> Bool {
        lines[...priority.rank].contains { !$0.queue.isEmpty }
    }

    /// Whether any request in `passedBy`, where requests wait for particular executors, is of this class or of a higher
    /// class.
    func hasPassedBy(downTo priority: PriorityClass) -> Bool {
        lines[...priority.rank].contains { !$0.passedBy.isEmpty }
    }

    // MARK: Shares

    /// The rank of the class that must get the next slot, even if requests of a higher class wait, so that the class
    /// gets its guaranteed share of the slots; nil if there is no such class.
    var due: Int? {
        (1..<lines.count).first { rank in
            lines[rank].count > 0 && lines[rank].credit + shares.percent(ofRank: rank) >= 100
        }
    }

    /// Updates the credits of all classes but the highest, because a request of the class `priority` gets a slot.
    ///
    /// The credit of a class is the part of the next slot that is already due to the class. If the request has waited,
    /// the caller must call this before it removes the request from its queue.
    mutating func gaveSlot(to priority: PriorityClass) {
        for rank in 1..<lines.count {
            if lines[rank].count > 0 { lines[rank].credit += shares.percent(ofRank: rank) }
            // Each slot that a class gets lowers its credit by 100, that is one whole slot. This includes a slot that
            // the class would have got without a guaranteed share of the slots.
            if rank == priority.rank { lines[rank].credit = max(0, lines[rank].credit - 100) }
        }
    }

    // MARK: Adding and removing

    /// Adds a request behind the waiting requests of the same class and tenant.
    mutating func push(_ waiting: PoolEntry.Waiting) -> QueueTicket {
        let request = waiting.request
        let rank = request.priority.rank
        // A class earns credit only while requests of the class wait. So a class without waiting requests starts at 0
        // again.
        if lines[rank].count == 0 { lines[rank].credit = 0 }
        let ticket = lines[rank].queue.push(waiting, tenant: request.tenant, cost: request.promptBytes)
        return .inOrder(request.priority, ticket)
    }

    /// Removes a waiting request; returns false if the request does not wait any more.
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
    /// The estimate assumes that no further requests arrive, and that each lower class gets its guaranteed share of the
    /// slots.
    func ahead(of request: RoutingRequest) -> Int {
        let rank = request.priority.rank
        let line = lines[rank]
        // How many slots this class must get until the new request is served, including the slot of the new request.
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

    /// Whether `request` may wait, if necessary after another request has been removed from the queue.
    func hasRoom(for request: RoutingRequest, queueMax: Int) -> Bool {
        queuedCount < queueMax || giver(for: request, queueMax: queueMax) != nil
    }

    /// If the queue is full, removes one waiting request, so that `request` can wait.
    ///
    /// A request of the lowest class is removed first, but never one of a higher class than that of `request`. Within
    /// the class of `request`, `FairQueue.makeRoom` decides which tenant loses a request.
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

    /// The rank of the class from which a request is removed, so that `request` can wait; nil if `request` must be
    /// refused.
    ///
    /// A lower class loses a request only if more of its requests wait than its guaranteed percentage of `queueMax`,
    /// rounded down.
    private func giver(for request: RoutingRequest, queueMax: Int) -> Int? {
        let own = request.priority.rank
        for rank in ((own + 1)..<max(own + 1, lines.count)).reversed() {
            let kept = queueMax * shares.percent(ofRank: rank) / 100
            if lines[rank].queue.count > kept { return rank }
        }
        return lines[own].queue.mayMakeRoom(for: request.tenant) ? own : nil
    }
}
