// The executors that serve one model in one snapshot: which of them takes a request. Shared by all workers.
package import Transport

/// How the executors of a pool share its exchanges.
package enum Balance: Sendable {
    /// Of two at random the one with less to do: running attempts, and prompts that wait.
    case leastLoad
    case roundRobin
    /// In proportion to their weights, evenly interleaved.
    case weighted
}

/// An executor as one pool uses it.
package struct PoolMember: Sendable {
    package let executor: Executor
    /// Its share of the exchanges, against the others of the pool; 0 gets none while another has more.
    package let weight: Int
    /// Attempts at once for this model there; nil where only the engine's own limit holds.
    package let runningMax: Int?

    package init(_ executor: Executor, weight: Int = 1, runningMax: Int? = nil) {
        self.executor = executor
        self.weight = weight
        self.runningMax = runningMax
    }
}

/// Immutable: who is in the pool and how they share.
///
/// Who waits and whose turn it is belongs to its entry, which outlives it. Health, counts and what refusals have taught
/// belong to the engines and executors.
package final class ExecutorPool: Sendable {
    /// So many bytes of waiting prompt weigh as much as one running stream.
    fileprivate static let bytesAStream = 16 << 10

    package let entry: PoolEntry
    package let members: [PoolMember]
    package let balance: Balance
    /// For whoever made it: its place among the pools of its snapshot.
    package let place: Int
    /// Counts the pools on one entry: the latest one has the greatest.
    let generation: Int

    package enum Choice: Sendable {
        /// Its attempt is counted, until `release`.
        case executor(Executor)
        /// All that could take it run as many as they may.
        case full
        /// There is none that may be used and has not been tried.
        case none
    }

    package init(_ entry: PoolEntry, members: [PoolMember], balance: Balance = .leastLoad, place: Int = 0) {
        self.entry = entry
        self.place = place
        self.members = members
        self.balance = balance
        generation = entry.state.withLock { state in
            state.generation += 1
            state.credit = state.credit.filter { id, _ in members.contains { $0.executor.id == id } }
            return state.generation
        }
    }

    /// Where an executor stands among `members`.
    package func place(of executor: Executor) -> Int? { members.firstIndex { $0.executor === executor } }

    /// Chooses an executor that has not been tried, and counts the attempt.
    ///
    /// Those that are ejected are left out, but never more than half of the pool. When all are, those are used that cost
    /// little to try, if the request has no better pool.
    package func choose(_ request: RoutingRequest = RoutingRequest(), at now: Nanoseconds) -> Choice {
        entry.state.withLock { choose(request, &$0, at: now) }
    }

    /// - Parameter isFreed: whether the place that is taken has come free in a full pool.
    func choose(
        _ request: RoutingRequest,
        _ state: inout PoolEntry.State,
        at now: Nanoseconds,
        isFreed: Bool = false
    ) -> Choice {
        let mercy = mercy(usesBad: request.usesBad, at: now)
        var isOneUsable = false
        // A trial is one request, and the first that comes: it can go elsewhere if it fails.
        var trial: Int?
        state.free.removeAll(keepingCapacity: true)
        for place in members.indices where !request.tried.contains(members[place].executor.id) {
            let use = members[place].executor.use(at: now)
            guard use != .no || isSpared(place, by: mercy, at: now) else { continue }
            isOneUsable = true
            guard members[place].takesMore(at: now) else { continue }
            state.free.append(place)
            if use == .trial, trial == nil { trial = place }
        }
        guard isOneUsable else { return .none }
        while !state.free.isEmpty {
            let place = trial ?? pick(&state, at: now)
            let member = members[place]
            if member.executor.begin(
                promptBytes: request.promptBytes,
                runningMax: member.runningMax,
                evenIfBad: isSpared(place, by: mercy, at: now),
                at: now
            ) {
                if isFreed { state.pace.freed(at: now) }
                state.pace.taken(at: now)
                return .executor(member.executor)
            }
            // Another pool has taken the last place there meanwhile, or its trial.
            state.free.removeAll { $0 == place }
            trial = nil
        }
        return .full
    }

    /// One of the places in `state.free`.
    private func pick(_ state: inout PoolEntry.State, at now: Nanoseconds) -> Int {
        guard state.free.count > 1 else { return state.free[0] }
        switch balance {
        case .roundRobin:
            // The next in the order of the file that may be used.
            let last = members.firstIndex { $0.executor.id == state.last } ?? -1
            let next = state.free.first { $0 > last } ?? state.free[0]
            state.last = members[next].executor.id
            return next
        case .weighted: return pickByWeight(&state)
        case .leastLoad:
            let count = UInt64(state.free.count)
            let first = state.free[Int(state.nextRandom() % count)]
            var second = state.free[Int(state.nextRandom() % (count - 1))]
            if second == first { second = state.free[state.free.count - 1] }
            return members[first].load(at: now) <= members[second].load(at: now) ? first : second
        }
    }

    private func pickByWeight(_ state: inout PoolEntry.State) -> Int {
        let total = state.free.reduce(0) { $0 + members[$1].weight }
        guard total > 0 else { return state.free[0] }
        var best = (place: state.free[0], credit: Int.min)
        for place in state.free {
            let credit = state.credit[members[place].executor.id, default: 0] + members[place].weight
            state.credit[members[place].executor.id] = credit
            if credit > best.credit { best = (place, credit) }
        }
        state.credit[members[best.place].executor.id] = best.credit - total
        return best.place
    }

    /// Whether all members that may be used run as many attempts as they may.
    func isFull(at now: Nanoseconds) -> Bool {
        var isOneUsable = false
        let mercy = mercy(at: now)
        for (place, member) in members.enumerated() {
            guard member.executor.use(at: now) != .no || isSpared(place, by: mercy, at: now) else { continue }
            if member.takesMore(at: now) { return false }
            isOneUsable = true
        }
        return isOneUsable
    }
}

extension PoolMember {
    func takesMore(at now: Nanoseconds) -> Bool { executor.takesMore(runningMax: runningMax, at: now) }

    /// What it has to do with one more, by what it may carry.
    fileprivate func load(at now: Nanoseconds) -> Double {
        let isShared = executor.engine.modelsShareCapacity
        let running = isShared ? executor.engine.running : executor.running
        let bytes = isShared ? executor.engine.waitingBytes : executor.waitingBytes
        let work = Double(running + 1) + Double(bytes) / Double(ExecutorPool.bytesAStream)
        let share = min(executor.engine.availability.share(at: now), executor.availability.share(at: now))
        return work / (Double(max(weight, 0)) * share + 1e-9)
    }
}
