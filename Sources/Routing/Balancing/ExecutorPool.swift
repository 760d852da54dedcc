// The executors that serve one model in one snapshot, and the choice of an executor for a request. All workers share
// the pool.
package import Transport

/// How the executors of a pool share its exchanges.
///
/// With each of these methods, exchanges that need equal work are shared in proportion to the weights of the executors.
/// An executor with weight 0 gets none.
package enum Balance: Sendable {
    /// The executor with the least present work for its weight is chosen, which is its running attempts and waiting
    /// prompts.
    ///
    /// Executors whose work differs by less than one more request take turns.
    case leastLoad
    /// An executor that holds the beginning of the prompt in its cache is chosen, unless it has too much to do; see
    /// `ExecutorPool.holder`. Otherwise the choice is that of `leastLoad`.
    case prefix
    /// The executors take turns, and the turns of each executor are evenly spaced.
    case roundRobin
    /// The same as `roundRobin`, under a name that suits a configuration file with weights.
    case weighted
}

/// An executor as one pool uses it.
package struct PoolMember: Sendable {
    /// The executor, which other pools may use too.
    package let executor: Executor
    /// The configured share of exchanges, relative to the other executors of the pool; with 0 the executor gets none.
    ///
    /// An operator's order may override the weight, see `presentWeight`.
    package let weight: Int
    /// The largest number of attempts at once at this executor; nil if only the engine's own limit applies.
    package let runningMax: Int?

    /// Makes a member; `weight` is at least 0, and `runningMax` is at least 1 or nil.
    package init(_ executor: Executor, weight: Int = 1, runningMax: Int? = nil) {
        self.executor = executor
        self.weight = weight
        self.runningMax = runningMax
    }
}

/// The executors of a pool and how they share its exchanges; immutable.
///
/// The waiting requests and the turns are in `entry`, which outlives the snapshot. The health, the counts of attempts
/// and the learned limits are in the engines and executors.
package final class ExecutorPool: Sendable {
    /// The bytes of waiting prompts that count as much work as one running stream: about a thousand tokens.
    ///
    /// Engines compute prompts one after the other, while streams run at the same time. So prompts that wait delay a new
    /// request more than streams do.
    static let bytesAStream = 4 << 10

    /// The part of the pool that outlives the snapshot: the queue, the times of the slots and the turns of the
    /// executors.
    package let entry: PoolEntry
    /// The executors in the order of the configuration.
    package let members: [PoolMember]
    /// How the members share the exchanges.
    package let balance: Balance
    /// The index of the pool's model in the snapshot's list of models.
    package let place: Int
    /// The sequence number of this pool among the pools of the same entry; a later snapshot's pool has a greater
    /// number.
    let generation: Int

    /// The result of choosing an executor.
    package enum Choice: Sendable {
        /// The chosen executor, and how it was chosen; its attempt is counted until `release`.
        case executor(Executor, Placement)
        /// Every executor that could take the request runs as many attempts as its limits allow, or has asked for a
        /// pause.
        case full
        /// No executor may take the request: each has been tried, is drained, has weight 0 or is excluded for its
        /// health.
        case none
    }

    /// Makes the pool of a new snapshot, which becomes the latest pool of `entry`.
    package init(
        _ entry: PoolEntry,
        members: [PoolMember],
        balance: Balance = .leastLoad,
        shares: QueueShares = QueueShares(),
        place: Int = 0
    ) {
        self.entry = entry
        self.place = place
        self.members = members
        self.balance = balance
        generation = entry.state.withLock { state in
            state.generation += 1
            state.lines.shares = shares
            state.turns.keep(members.map(\.executor.id))
            state.placement.keep(Set(members.map(\.executor.id)))
            // If the number of attempts is limited, the times of slots are recorded even before all slots are taken. So
            // there is a forecast when a request has to wait.
            let isLimited = members.contains { $0.runningMax != nil || $0.executor.engine.runningMax != nil }
            if isLimited { entry.watch(&state, from: 0) }
            return state.generation
        }
    }

    /// The index of an executor in `members`; nil if the pool does not have it.
    package func place(of executor: Executor) -> Int? { members.firstIndex { $0.executor === executor } }

    /// Chooses an executor that has not been tried, and counts the attempt.
    ///
    /// Ejected executors are left out. If more than half of the pool is ejected, the pool uses some of them
    /// nevertheless, but never an executor of a dead engine. If all executors are ejected and the request has
    /// `usesBad`, the pool uses the executors that a request can try at little cost (`Executor.costsLittle`).
    package func choose(_ request: RoutingRequest = RoutingRequest(), at now: Nanoseconds) -> Choice {
        entry.state.withLock { choose(request, &$0, at: now) }
    }

    func choose(_ request: RoutingRequest, _ state: inout PoolEntry.State, at now: Nanoseconds) -> Choice {
        let mercy = mercy(usesBad: request.usesBad, at: now)
        var isOneUsable = false
        // The index of an ejected executor whose ejection has lasted long enough for a trial. The trial is an attempt
        // of this request, and the request is retried if the trial fails.
        var trial: Int?
        state.free.removeAll(keepingCapacity: true)
        for index in members.indices where mayTry(index, request) {
            let use = members[index].executor.use(at: now)
            guard use != .no || isSpared(index, by: mercy, at: now) else { continue }
            isOneUsable = true
            guard members[index].takesMore(at: now) else { continue }
            state.free.append(index)
            if use == .trial, trial == nil { trial = index }
        }
        guard isOneUsable else { return .none }
        while !state.free.isEmpty {
            let looksAtPrompt = balance == .prefix && !request.prefix.hashes.isEmpty
            let (held, reason) = looksAtPrompt && trial == nil ? holder(request, &state, at: now) : (nil, .load)
            let index = trial ?? held ?? pick(&state, at: now)
            let member = members[index]
            let placement =
                looksAtPrompt
                ? placement(of: request, at: index, reason, &state) : Placement(promptBytes: request.promptBytes)
            if member.executor.begin(
                promptBytes: placement.missingBytes,
                runningMax: member.runningMax,
                evenIfBad: isSpared(index, by: mercy, at: now),
                at: now
            ) {
                state.times.taken(at: now)
                if looksAtPrompt { record(request.prefix, at: member.executor, &state) }
                return .executor(member.executor, placement)
            }
            // After this pool picked the executor, another pool took the executor's last slot or began its trial, or
            // the operator drained the executor.
            state.free.removeAll { $0 == index }
            trial = nil
        }
        entry.watch(&state, from: now)
        return .full
    }

    /// Whether the member's present weight is above 0 and its executor has not been tried for this request.
    func mayTry(_ index: Int, _ request: RoutingRequest) -> Bool {
        members[index].isInUse && !request.tried.contains(members[index].executor.id)
    }

    /// The index of the member whose turn it is among those in `state.free`.
    private func pick(_ state: inout PoolEntry.State, at now: Nanoseconds) -> Int {
        guard members.count > 1 else { return state.free[0] }
        // The least work for its share that an executor would have with the new request.
        var least = Double.infinity
        let isByLoad = balance == .leastLoad || balance == .prefix
        if isByLoad {
            for index in state.free { least = min(least, (members[index].work + 1) / members[index].share(at: now)) }
        }
        var next: (index: Int, share: Double, due: Double)?
        var first = Double.infinity
        for index in state.free {
            let share = members[index].share(at: now)
            let executor = members[index].executor
            let count = isByLoad ? nil : members.count
            let due = state.dueTurn(of: executor, at: index, share: share, among: count)
            first = min(first, due)
            // Skips an executor whose work is already at least the least work of any executor with the new request.
            if isByLoad, members[index].work / share >= least { continue }
            if let next, next.due <= due { continue }
            next = (index, share, due)
        }
        guard let next else { return state.free[0] }
        let id = members[next.index].executor.id
        state.turns.took(next.due, of: id, at: next.index, share: next.share, first: first)
        return next.index
    }
}

extension PoolMember {
    func takesMore(at now: Nanoseconds) -> Bool { executor.takesMore(runningMax: runningMax, at: now) }

    /// The present work of the executor, in running streams: `bytesAStream` bytes of waiting prompts count as one
    /// stream.
    var work: Double {
        let running = executor.engine.modelsShareCapacity ? executor.engine.runningInAll : executor.runningInAll
        return Double(running) + Double(waitingBytes) / Double(ExecutorPool.bytesAStream)
    }

    /// The bytes of prompts that the executor has to compute and whose answers have not begun.
    var waitingBytes: Int {
        executor.engine.modelsShareCapacity ? executor.engine.waitingBytesInAll : executor.waitingBytesInAll
    }

    /// The member's present weight, always above 0.
    ///
    /// The weight is reduced for a while after the executor has recovered from an ejection, or after the operator has
    /// resumed it.
    func share(at now: Nanoseconds) -> Double {
        let health = min(executor.engine.availability.share(at: now), executor.availability.share(at: now))
        // The present weight may be 0 here, because the operator may change it during the choice.
        return Double(max(1, presentWeight)) * min(health, executor.order.share(at: now))
    }
}
