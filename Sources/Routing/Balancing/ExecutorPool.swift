// The executors that serve one model in one snapshot: which of them takes a request. Shared by all workers.
package import Transport

/// How the executors of a pool share its exchanges.
///
/// In each of them the exchanges that are alike are shared in proportion to the weights of the executors that can take
/// one, and an executor with weight 0 gets none.
package enum Balance: Sendable {
    /// By what they have to do at the moment: running attempts, and prompts that wait. None gets more than its share of
    /// that, and among those that have less it is by turns.
    case leastLoad
    /// By turns, evenly interleaved.
    case roundRobin
    /// Another name of the same: so that the word in a file with weights says what it is for.
    case weighted
}

/// An executor as one pool uses it.
package struct PoolMember: Sendable {
    package let executor: Executor
    /// Its share of the exchanges, against the others of the pool that can take one; 0 gets none.
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
    /// The places of those that get exchanges: all but the members with weight 0.
    let places: [Int]
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
        places = members.indices.filter { members[$0].weight > 0 }
        self.balance = balance
        generation = entry.state.withLock { state in
            state.generation += 1
            state.turns.keep(members.map(\.executor.id))
            // What may fill up is counted before it does.
            let isLimited = members.contains { $0.runningMax != nil || $0.executor.engine.runningMax != nil }
            if isLimited { entry.watch(&state, from: 0) }
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

    func choose(_ request: RoutingRequest, _ state: inout PoolEntry.State, at now: Nanoseconds) -> Choice {
        let mercy = mercy(usesBad: request.usesBad, at: now)
        var isOneUsable = false
        // A trial is one request, and the first that comes: it can go elsewhere if it fails.
        var trial: Int?
        state.free.removeAll(keepingCapacity: true)
        for place in places where !request.tried.contains(members[place].executor.id) {
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
                state.times.taken(at: now)
                return .executor(member.executor)
            }
            // Another pool has taken the last place there meanwhile, or its trial.
            state.free.removeAll { $0 == place }
            trial = nil
        }
        entry.watch(&state, from: now)
        return .full
    }

    /// One of the places in `state.free`.
    private func pick(_ state: inout PoolEntry.State, at now: Nanoseconds) -> Int {
        guard places.count > 1 else { return state.free[0] }
        var all = (work: 1.0, share: 0.0)
        if balance == .leastLoad {
            for place in state.free {
                all.work += members[place].work
                all.share += members[place].share(at: now)
            }
        }
        var next: (place: Int, share: Double, due: Double)?
        var first = Double.infinity
        for place in state.free {
            let share = members[place].share(at: now)
            let executor = members[place].executor
            let count = balance == .leastLoad ? nil : members.count
            let due = state.dueTurn(of: executor, at: place, share: share, among: count)
            first = min(first, due)
            if balance == .leastLoad {
                // Not one that has its share already of what all have with one more. A rounding is no reason for another.
                let most = (all.work * share / all.share - 1e-9).rounded(.up)
                if members[place].work >= most { continue }
            }
            if let next, next.due <= due { continue }
            next = (place, share, due)
        }
        guard let next else { return state.free[0] }
        let id = members[next.place].executor.id
        state.turns.took(next.due, of: id, at: next.place, share: next.share, first: first)
        return next.place
    }
}

extension PoolMember {
    func takesMore(at now: Nanoseconds) -> Bool { executor.takesMore(runningMax: runningMax, at: now) }

    /// What it has to do, in streams.
    fileprivate var work: Double {
        let isShared = executor.engine.modelsShareCapacity
        let running = isShared ? executor.engine.running : executor.running
        let bytes = isShared ? executor.engine.waitingBytes : executor.waitingBytes
        return Double(running) + Double(bytes) / Double(ExecutorPool.bytesAStream)
    }

    /// Its weight, less for a while after it has come back.
    fileprivate func share(at now: Nanoseconds) -> Double {
        Double(weight) * min(executor.engine.availability.share(at: now), executor.availability.share(at: now))
    }
}
