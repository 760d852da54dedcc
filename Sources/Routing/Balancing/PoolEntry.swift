// The part of a pool that passes from one configuration to the next: its queue of waiting requests, the times at which
// slots were taken and freed, and the order in which its executors get requests.
internal import Synchronization
internal import Transport

/// The part of a pool that outlives configurations; all workers share it.
///
/// A snapshot is one configuration, resolved and immutable. Each snapshot has an `ExecutorPool`, which lists the
/// executors and refers to this entry. Requests of several snapshots may wait in the same queue. Each request waits for
/// the executors of its own snapshot.
package final class PoolEntry: Sendable {
    /// Identifies the pool in this process; the id is never reused.
    package let id: Int
    let state: Lock<State>
    private let memory: (any PlacementMemory)?
    /// Whether the pool records the times at which slots are taken and freed, to estimate how long requests have to
    /// wait.
    ///
    /// Recording begins when a configuration limits how many attempts an executor or an engine may have at once, or
    /// when a request finds no free slot for the first time.
    let isWatched = Atomic<Bool>(false)

    struct State: Sendable {
        /// The waiting requests that no executor has tried yet, in one queue for each class.
        var lines = WaitingLines()
        /// Waiting requests that an executor has tried without success; they are served before the requests in `lines`.
        ///
        /// The requests are in the order in which they are served: higher classes first. If no slot is free for a
        /// request of this array, the next request of the array may still get a slot.
        var returned: [Passed] = []
        var returnedSequence = 0
        var times = SlotTimes()
        /// The order in which the pool's executors get requests.
        var turns = Turns()
        /// What the pool has learned about its executors, such as the prompts that each of them probably has in its
        /// cache; used with `Balance.prefix`.
        var placement: PlacementState
        var random: UInt64
        /// How many pools of this model there have been: each new configuration makes one, which goes on with this
        /// entry.
        var generation = 0
        /// The engines that notify this pool when a slot becomes free; empty while no request waits.
        var joined: [Engine] = []
        /// The generations of the pools whose engines `join` has added to `joined`; empty while no request waits.
        var joinedGenerations: [Int] = []
        /// The members that can take the request for which an executor is being chosen.
        ///
        /// Each choice fills the array anew. It is a property so that a choice allocates no memory.
        var free: [FreeMember] = []
    }

    /// A request that waits for an executor.
    package struct Waiting: Sendable {
        var request: RoutingRequest
        var pool: ExecutorPool
        /// The closure that is called once, without a lock, when the pool ends the wait; not called if the exchange
        /// itself ends the wait (`ExecutorPool.leave`).
        var ended: @Sendable (WaitEnd) -> Void
    }

    /// A waiting request that does not block the requests behind it.
    ///
    /// Some executors of the latest configuration cannot take this request, for example those that have already tried
    /// it. If a slot becomes free at one of these executors, a request further back in the queue can use the slot.
    struct Passed: Sendable {
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
    ///   - memory: counts the memory of the map that records which prompts executors probably have in their caches; nil
    ///     in a process without a memory limit.
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

    /// The number of waiting requests of each class, in the order of `PriorityClass.allCases`.
    ///
    /// The property takes the lock of `state`.
    package var waitingCounts: [Int] { state.withLock { $0.waitingCounts } }

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
    var waitingCount: Int { lines.count + returned.count }

    /// The number of waiting requests of each class, in the order of `PriorityClass.allCases`.
    var waitingCounts: [Int] {
        var counts = lines.lines.map(\.count)
        for passed in returned { counts[passed.waiting.request.priority.rank] += 1 }
        return counts
    }

    /// How many waiting requests would be served before `request` if it joined the queue now.
    ///
    /// - Parameter returning: whether `request` comes back after an attempt that failed.
    func ahead(of request: RoutingRequest, returning: Bool) -> Int {
        returning ? place(inReturned: request.priority) : returned.count + lines.ahead(of: request)
    }

    /// The index at which a new request of this class is inserted in `returned`: behind all requests of the same or a
    /// higher class.
    private func place(inReturned priority: PriorityClass) -> Int {
        (returned.lastIndex { $0.waiting.request.priority.rank <= priority.rank } ?? -1) + 1
    }

    /// Adds a request to the waiting requests.
    ///
    /// - Parameter returning: whether an executor has already tried the request without success.
    mutating func push(_ waiting: PoolEntry.Waiting, returning: Bool) -> QueueTicket {
        guard returning else { return lines.push(waiting) }
        returnedSequence += 1
        let ticket = QueueTicket.returned(returnedSequence)
        let passed = PoolEntry.Passed(ticket: ticket, waiting: waiting)
        returned.insert(passed, at: place(inReturned: waiting.request.priority))
        return ticket
    }

    /// Makes room for a new request if the queue is full.
    ///
    /// - Returns: the request that was removed to make room; nil if none was.
    mutating func makeRoom(for request: RoutingRequest, queueMax: Int, at now: Nanoseconds) -> PoolEntry.Ended? {
        guard let (waiting, ticket) = lines.makeRoom(for: request, queueMax: queueMax) else { return nil }
        let retryAfter = waiting.pool.retryAfter(waiting.request, self, at: now)
        let way = GaveWay(pool: waiting.pool, ticket: ticket, retryAfter: retryAfter)
        return PoolEntry.Ended(waiting: waiting, end: .gaveWay(way))
    }

    /// Removes a waiting request.
    ///
    /// Returns false if the request does not wait any more.
    mutating func remove(_ ticket: QueueTicket) -> Bool {
        if lines.remove(ticket) { return true }
        guard let index = returned.firstIndex(where: { $0.ticket == ticket }) else { return false }
        returned.remove(at: index)
        return true
    }

    // MARK: Engines

    /// Asks the engines of a pool's executors to notify this entry of free slots, because requests of the pool wait.
    ///
    /// - Returns: false if an earlier call has asked the engines of this pool.
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

    /// The virtual time (a number without a unit) at which an executor is due to get its next request.
    ///
    /// `count` matters only for the first request of a new executor. If `count`, the number of executors of the pool,
    /// is set, the due time depends on `index`, so that new executors with equal weights (`share`) are due at evenly
    /// spaced times. If `count` is nil, the due time is random, so that many processes do not all begin with the same
    /// executor.
    mutating func dueTurn(of executor: Int, at index: Int, share: Double, among count: Int?) -> Double {
        if let due = turns.due(of: executor, at: index, share: share) { return due }
        let phase = count.map { (Double(index) + 0.5) / Double($0) } ?? Double(nextRandom() >> 11) / Double(1 << 53)
        return turns.add(executor, at: index, share: share, phase: phase)
    }

    /// A random number by xorshift64 (Marsaglia, 2003).
    mutating func nextRandom() -> UInt64 {
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        return random
    }
}
