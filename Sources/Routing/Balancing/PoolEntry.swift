// The part of a pool that passes from one configuration to the next: its queue, the times of its slots, and the turns
// of its executors.
internal import Synchronization
internal import Transport

/// The part of a pool that outlives configurations; all workers share it.
///
/// Each snapshot has an `ExecutorPool`, which lists the executors and refers to this entry. Requests of several
/// snapshots may wait in the same queue. Each request waits for the executors of its own snapshot.
package final class PoolEntry: Sendable {
    /// Identifies the pool in this process; the id is never reused.
    package let id: Int
    let state: Lock<State>
    private let memory: (any PlacementMemory)?
    /// Whether the times at which slots are taken and freed are recorded.
    ///
    /// Recording begins when a snapshot limits the number of attempts, or when all executors are full for the first
    /// time.
    let isWatched = Atomic<Bool>(false)

    struct State: Sendable {
        /// Requests that have not been at an executor yet.
        ///
        /// The queue is fair between tenants.
        var queue = FairQueue<Waiting>()
        /// Requests that are served before the requests in `queue`, in the order of this array.
        ///
        /// A request that finds no slot does not block the requests behind it.
        var returned: [Returned] = []
        var returnedSequence = 0
        var times = SlotTimes()
        /// When each executor has its next turn.
        var turns = Turns()
        /// The placement map, and what the pool has learned about each executor; used with `Balance.prefix`.
        var placement: PlacementState
        var random: UInt64
        /// How many snapshots have had a pool with this entry.
        var generation = 0
        /// The engines that notify this pool of free slots, because its requests wait; empty while no request waits.
        var joined: [Engine] = []
        /// The generations of the pools whose engines are in `joined`.
        var joinedGenerations: [Int] = []
        /// The indices of the members that may take a request.
        ///
        /// Each choice fills the array anew. It is a property so that a choice allocates no memory.
        var free: [Int] = []
    }

    /// A request that waits for an executor.
    package struct Waiting: Sendable {
        var request: RoutingRequest
        var pool: ExecutorPool
        /// The closure that is called once, without a lock, at the end of the wait; not called if the request leaves
        /// the queue.
        var ended: @Sendable (WaitEnd) -> Void
    }

    /// A waiting request that has been at an executor, or that may not go to all executors of the latest snapshot and has
    /// found only full ones.
    struct Returned: Sendable {
        var ticket: QueueTicket
        var waiting: Waiting
    }

    /// A wait that has ended, and whose request has not been notified yet.
    struct Ended: Sendable {
        var waiting: Waiting
        var end: WaitEnd
    }

    /// Makes an entry without requests.
    ///
    /// - Parameters:
    ///   - seed: the start of the random numbers. It should differ between processes, so that the processes do not all
    ///     choose the same executors.
    ///   - memory: where the memory of the placement map is counted; nil in a process without a limit.
    package init(id: Int, seed: UInt64 = 0x9E37_79B9_7F4A_7C15, memory: (any PlacementMemory)? = nil) {
        self.id = id
        self.memory = memory
        state = Lock(State(placement: PlacementState(memory: memory), random: seed | 1))
    }

    deinit { memory?.release(state.withLock { $0.placement.map.reservedBytes }) }

    /// The number of waiting requests.
    ///
    /// The property takes the lock of `state`.
    package var waitingCount: Int { state.withLock { $0.waitingCount } }

    /// Gives free slots to waiting requests.
    ///
    /// - Parameter most: the largest number of slots to give.
    /// - Returns: whether the wait of any request has ended.
    func serve(most: Int = .max, at now: Nanoseconds) -> Bool {
        let ended = state.withLock { $0.serve(self, most: most, at: now) }
        Self.deliver(ended)
        return !ended.isEmpty
    }

    /// Notifies requests that their waits have ended.
    ///
    /// The caller must hold no lock, because the function posts to mailboxes.
    static func deliver(_ ended: [Ended]) {
        for ended in ended { ended.waiting.ended(ended.end) }
    }

    /// Begins to record the times at which slots are taken and freed, from which the length of a wait is estimated.
    ///
    /// Does nothing if recording has begun before.
    func watch(_ state: inout State, from now: Nanoseconds) {
        guard state.times.watchedSince == nil else { return }
        state.times.watch(from: now)
        isWatched.store(true, ordering: .relaxed)
    }
}

extension PoolEntry.State {
    var waitingCount: Int { queue.count + returned.count }

    /// How many waiting requests would be served before a new request.
    ///
    /// - Parameter returning: whether the new request has been at an executor before.
    func ahead(of request: RoutingRequest, returning: Bool) -> Int {
        returning ? returned.count : returned.count + queue.ahead(of: request.tenant, cost: request.promptBytes)
    }

    /// Adds a request to the waiting requests.
    mutating func push(_ waiting: PoolEntry.Waiting, returning: Bool) -> QueueTicket {
        guard returning else {
            let request = waiting.request
            return .inOrder(queue.push(waiting, tenant: request.tenant, cost: request.promptBytes))
        }
        returnedSequence += 1
        let ticket = QueueTicket.returned(returnedSequence)
        returned.append(PoolEntry.Returned(ticket: ticket, waiting: waiting))
        return ticket
    }

    /// Whether one more request of this tenant may wait in the queue.
    func hasRoom(for tenant: String, queueMax: Int) -> Bool {
        queue.count < queueMax || queue.mayMakeRoom(for: tenant)
    }

    /// Makes room for one more request of this tenant, if the queue is full.
    ///
    /// - Returns: the request that was removed to make room; nil if none was.
    mutating func makeRoom(for tenant: String, queueMax: Int, at now: Nanoseconds) -> PoolEntry.Ended? {
        guard queue.count >= queueMax, let (waiting, ticket) = queue.makeRoom(for: tenant) else { return nil }
        let retryAfter = waiting.pool.retryAfter(waiting.request, self, at: now)
        let way = GaveWay(pool: waiting.pool, ticket: .inOrder(ticket), retryAfter: retryAfter)
        return PoolEntry.Ended(waiting: waiting, end: .gaveWay(way))
    }

    /// Removes a waiting request.
    ///
    /// Returns false if the request does not wait any more.
    mutating func remove(_ ticket: QueueTicket) -> Bool {
        if case .inOrder(let ticket) = ticket, queue.remove(ticket) != nil { return true }
        guard let index = returned.firstIndex(where: { $0.ticket == ticket }) else { return false }
        returned.remove(at: index)
        return true
    }

    /// Chooses executors for waiting requests, first for the requests in `returned`, and counts their attempts.
    mutating func serve(_ entry: PoolEntry, most: Int, at now: Nanoseconds) -> [PoolEntry.Ended] {
        var granted: [PoolEntry.Ended] = []
        serveReturned(&granted, most: most, at: now)
        // The paths whose executors are full, although other executors of the latest pool may have room.
        var full: [PathSet] = []
        while granted.count < most, let (next, ticket) = next(besides: full) {
            if let grant = take(for: next, .inOrder(ticket), at: now) {
                _ = full.isEmpty ? queue.pop() : queue.serve(ticket)
                granted.append(grant)
            } else if next.pool.generation < generation || next.request.response != nil {
                // The executors of the request's earlier snapshot, or the one that has made the response that it
                // continues, are full. But requests behind it may go to other executors.
                _ = full.isEmpty ? queue.pop() : queue.serve(ticket)
                returned.append(PoolEntry.Returned(ticket: .inOrder(ticket), waiting: next))
            } else if next.pool.isRestricted(next.request, at: now) {
                full.append(next.request.path)
            } else {
                break
            }
        }
        leaveIfEmpty(entry)
        return granted
    }

    /// The request in `queue` that is next, apart from requests of the latest pool at these paths.
    private mutating func next(
        besides paths: [PathSet]
    ) -> (element: PoolEntry.Waiting, ticket: FairQueue<PoolEntry.Waiting>.Ticket)? {
        guard !paths.isEmpty else {
            guard let next = queue.first, let ticket = queue.firstTicket else { return nil }
            return (next, ticket)
        }
        let latest = generation
        return queue.first { $0.pool.generation < latest || !paths.contains($0.request.path) }
    }

    /// Serves the requests in `returned`.
    ///
    /// A request whose executors are all full does not block the requests behind it.
    private mutating func serveReturned(_ granted: inout [PoolEntry.Ended], most: Int, at now: Nanoseconds) {
        var index = 0
        var latestIsFull = false
        while granted.count < most, index < returned.count {
            let waiting = returned[index].waiting
            let isOfLatest = waiting.pool.generation == generation
            if latestIsFull, isOfLatest {
                index += 1
            } else if let grant = take(for: waiting, returned[index].ticket, at: now) {
                returned.remove(at: index)
                granted.append(grant)
            } else {
                // A request that may go to any executor of the latest pool has found no slot. So no other request of
                // that pool would find one, and they are skipped.
                if isOfLatest, waiting.request.tried.isEmpty, waiting.request.response == nil, waiting.request.usesBad,
                    !waiting.pool.isRestricted(waiting.request, at: now)
                {
                    latestIsFull = true
                }
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
            if pool.members.indices.contains(where: { pool.mayTry($0, waiting.request, at: now) }) { return nil }
            let end = WithoutExecutor(pool: pool, ticket: ticket)
            return PoolEntry.Ended(waiting: waiting, end: .withoutExecutor(end))
        }
        let prefix = waiting.request.prefix
        let grant = Grant(executor: executor, placement: placement, prefix: prefix, pool: pool, began: now)
        return PoolEntry.Ended(waiting: waiting, end: .granted(grant))
    }

    // MARK: Engines

    /// Registers this entry, whose requests wait, with the engines of a pool's executors.
    ///
    /// The engines then notify the entry of free slots.
    ///
    /// - Returns: false if an earlier call has registered the entry with the engines of this pool.
    mutating func join(_ entry: PoolEntry, _ pool: ExecutorPool) -> Bool {
        guard !joinedGenerations.contains(pool.generation) else { return false }
        joinedGenerations.append(pool.generation)
        for member in pool.members {
            let engine = member.executor.engine
            guard !joined.contains(where: { $0 === engine }) else { continue }
            joined.append(engine)
            engine.join(entry)
        }
        return true
    }

    mutating func leaveIfEmpty(_ entry: PoolEntry) {
        guard waitingCount == 0, !joinedGenerations.isEmpty else { return }
        for engine in joined { engine.leave(entry) }
        joined = []
        joinedGenerations = []
    }

    // MARK: Turns

    /// The time of an executor's next turn, in the virtual time of `Turns`; the executor with the earliest time comes
    /// next.
    ///
    /// If `count` is set, the first turns of `count` executors are evenly spaced, so that executors with equal shares
    /// do not all have a turn at once. If `count` is nil, the first turn of a new executor is at a random time, so that
    /// many processes do not all begin with the same executor.
    mutating func dueTurn(of executor: Executor, at index: Int, share: Double, among count: Int?) -> Double {
        if let due = turns.due(of: executor.id, at: index, share: share) { return due }
        let phase = count.map { (Double(index) + 0.5) / Double($0) } ?? Double(nextRandom() >> 11) / Double(1 << 53)
        return turns.add(executor.id, at: index, share: share, phase: phase)
    }

    /// A random number by xorshift64 (Marsaglia, 2003).
    mutating func nextRandom() -> UInt64 {
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        return random
    }
}

/// Identifies a waiting request, so that it can be removed.
package enum QueueTicket: Hashable, Sendable {
    case inOrder(FairQueue<PoolEntry.Waiting>.Ticket)
    case returned(Int)
}
