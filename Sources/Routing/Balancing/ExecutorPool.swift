// The executors that serve one model under one configuration, and the choice of an executor for a request. All workers
// share the pool.
internal import Synchronization
package import Transport

/// How the executors of a pool share its exchanges.
///
/// With each of these methods, exchanges that need equal work are shared in proportion to the weights of the executors.
/// An executor with weight 0 gets none.
package enum Balance: Sendable {
    /// Acts as `prefix` if all engines of the pool cache what they have computed for prompts
    /// (`EngineKind.cachesPrompts`); otherwise acts as `leastLoad`.
    case auto
    /// The executor with the least present work in proportion to its weight is chosen.
    ///
    /// The work is the executor's running attempts and its waiting prompts. Executors whose work differs by less than
    /// one request take turns.
    case leastLoad
    /// An executor that holds the beginning of the prompt in its cache is chosen, unless it has too much to do.
    ///
    /// `ExecutorPool.holder` makes this choice. If there is no such executor, `prefix` acts as `leastLoad`.
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
    /// The operator can set another weight while the server runs, see `presentWeight`.
    package let weight: Int
    /// The configured limit on the number of attempts at once at this executor; nil if the configuration sets none.
    ///
    /// The limits of the engine and those learned from refusals apply in addition.
    package let runningMax: Int?
    /// The request paths that the executor serves according to the configuration.
    package let paths: PathSet

    /// Makes a member; `weight` is at least 0, and `runningMax` is at least 1 or nil.
    package init(_ executor: Executor, weight: Int = 1, runningMax: Int? = nil, paths: PathSet = .all) {
        self.executor = executor
        self.weight = weight
        self.runningMax = runningMax
        self.paths = paths
    }
}

/// The executors of a pool and how they share its exchanges; immutable.
///
/// The waiting requests and the order of the executors' turns are in `entry`, which outlives the configuration. The
/// health, the number of attempts and the learned limits are in the objects of the engines and executors.
package final class ExecutorPool: Sendable {
    /// The bytes of waiting prompts that count as much work as one running stream: about a thousand tokens.
    ///
    /// Engines compute prompts one after the other, while streams run at the same time. So prompts that wait delay a
    /// new request more than streams do.
    static let bytesAStream = 4 << 10

    /// The part of the pool that outlives the configuration: the queue of waiting requests, the times at which slots
    /// were taken and freed, and the order in which executors take turns.
    package let entry: PoolEntry
    /// The executors in the order of the configuration.
    package let members: [PoolMember]
    /// How the members share the exchanges.
    package let balance: Balance
    /// Whether a `balance` of `auto` acts as `prefix` at present, because all engines of the pool cache prompts.
    private let isAutoPrefix = Atomic<Bool>(false)
    /// The index of the pool's model in the list of models of the pool's configuration.
    package let modelIndex: Int
    /// The indices of `members` by the ids of their executors.
    private let indices: [Int: Int]
    /// For each member the sum of its weight and of the weights of the members before it.
    ///
    /// A random number below the last sum selects a member in proportion to the weights. The array is empty if the pool
    /// is small or its executors take turns, because every member is then considered for each request.
    let weightSums: [Int]
    /// The number of this pool among the pools of its model, of which each configuration makes one; a later pool has a
    /// greater number.
    let generation: Int

    /// The result of choosing an executor.
    package enum Choice: Sendable {
        /// The chosen executor, and how it was chosen; the attempt counts as running there until `release` is called.
        case executor(Executor, Placement)
        /// Every executor that could take the request runs as many attempts as its limits allow, or has asked for a
        /// pause.
        case full
        /// No executor may take the request now, but at least one of them is loading its model, and the request may
        /// wait until the model is loaded.
        case loading
        /// No executor may take the request: each has been tried, is drained, has weight 0, does not serve the
        /// request's path, or is excluded for its health.
        case none
    }

    /// Makes the pool for a new configuration.
    ///
    /// `entry` is the part of the pool that all configurations share.
    package init(
        _ entry: PoolEntry,
        members: [PoolMember],
        balance: Balance = .leastLoad,
        shares: QueueShares = QueueShares(),
        modelIndex: Int = 0
    ) {
        self.entry = entry
        self.modelIndex = modelIndex
        self.members = members
        self.balance = balance
        indices = Dictionary(members.enumerated().map { ($1.executor.id, $0) }) { first, _ in first }
        weightSums = Self.weightSums(members, balance)
        generation = entry.state.withLock { state in
            state.generation += 1
            state.lines.shares = shares
            state.turns.keep(members.map(\.executor.id))
            state.placement.keep(Set(members.map(\.executor.id)))
            // If the number of attempts is limited, a request may have to wait for a slot. The length of a wait is
            // estimated from the times at which slots were taken and freed. So the pool records these times from now
            // on, and not only after a request has found no free slot.
            let isLimited = members.contains { $0.runningMax != nil || $0.executor.engine.runningMax != nil }
            if isLimited { entry.watch(&state, from: 0) }
            return state.generation
        }
        kindsChanged()
    }

    /// Whether the pool chooses executors at present by how much of a request's prompt their caches hold.
    package var choosesByPrompt: Bool {
        switch balance {
        case .prefix: true
        case .auto: isAutoPrefix.load(ordering: .relaxed)
        case .leastLoad, .roundRobin, .weighted: false
        }
    }

    /// Whether `choosesByPrompt` is true, or may become true when the kinds of engines are found.
    package var mayChooseByPrompt: Bool {
        guard balance == .auto else { return balance == .prefix }
        return members.allSatisfy { member in
            let kind = member.executor.engine.givenKind
            return kind == .unknown || kind.cachesPrompts
        }
    }

    /// Decides anew whether a `balance` of `auto` acts as `prefix`, because the kind of an engine has been found or has
    /// changed.
    package func kindsChanged() {
        let cachesPrompts = !members.isEmpty && members.allSatisfy { $0.executor.engine.kind.cachesPrompts }
        isAutoPrefix.store(cachesPrompts, ordering: .relaxed)
    }

    /// The index in `members` of the executor with this id; nil if the pool does not have it.
    package func index(ofExecutor id: Int) -> Int? { indices[id] }

    /// Chooses an executor that has not been tried, and counts the attempt.
    ///
    /// Executors that failed too often are ejected: they are left out for a while. If more than half of the pool is
    /// ejected, the pool uses some of these executors nevertheless, but never an executor of a dead engine. If all
    /// executors are ejected and `usesBad` of the request is true, the pool uses those that a request can try at little
    /// cost (`Executor.costsLittle`).
    package func choose(_ request: RoutingRequest = RoutingRequest(), at now: Nanoseconds) -> Choice {
        entry.state.withLock { choose(request, &$0, at: now) }
    }

    func choose(_ request: RoutingRequest, _ state: inout PoolEntry.State, at now: Nanoseconds) -> Choice {
        if looksAtPrompt(of: request) { state.placement.map.findHolders(of: request.prefix, &state.placement.matches) }
        let maker = maker(for: request, &state, at: now)
        if asksSome, maker == nil, let choice = chooseOfSome(request, &state, at: now) { return choice }
        var mercy = Mercy.none
        var found = findFree(request, maker, by: mercy, &state, at: now)
        if found.isOneLeftOut {
            mercy = self.mercy(for: request, at: now)
            if mercy != .none { found = findFree(request, maker, by: mercy, &state, at: now) }
        }
        guard found.isOneUsable else { return awaitsLoad(request, at: now) ? .loading : .none }
        if let choice = takeFree(request, &state, trial: found.trial, by: mercy, isMaker: maker != nil, at: now) {
            return choice
        }
        entry.watch(&state, from: now)
        return .full
    }

    /// Puts the members that can take the request into `state.free`, in their order.
    ///
    /// - Parameters:
    ///   - maker: the index of the member that has made the response which the request continues. Only this member may
    ///     take the request. The value is nil if every member may take it.
    ///   - mercy: which unhealthy members may take the request.
    /// - Returns: whether any member may take the request as soon as it has a free slot, whether any member is left out
    ///   because it is unhealthy, and the index of a member that is due for a trial. In a trial, one request is sent to
    ///   an executor that was left out for some time, to find out whether the executor works again.
    private func findFree(
        _ request: RoutingRequest,
        _ maker: Int?,
        by mercy: Mercy,
        _ state: inout PoolEntry.State,
        at now: Nanoseconds
    ) -> (isOneUsable: Bool, isOneLeftOut: Bool, trial: Int?) {
        state.free.removeAll(keepingCapacity: true)
        var (isOneUsable, isOneLeftOut) = (false, false)
        var trial: Int?
        for index in members.indices where maker ?? index == index {
            // The member is copied once, because each access by index would increment and decrement the reference count
            // of its executor.
            let member = members[index]
            guard member.mayTry(request, at: now) else { continue }
            let use = member.executor.use(at: now)
            guard use != .no || isSpared(index, by: mercy, for: request, at: now) else {
                isOneLeftOut = true
                continue
            }
            isOneUsable = true
            guard member.takesMore(at: now) else { continue }
            state.free.append(member.free(at: index, now))
            if use == .trial, trial == nil { trial = index }
        }
        return (isOneUsable, isOneLeftOut, trial)
    }

    /// Chooses among the members in `state.free`, and counts the attempt.
    ///
    /// - Parameters:
    ///   - trial: the index of the member that takes the request as a trial, because it was left out for some time;
    ///     nil for none.
    ///   - mercy: which unhealthy members may take the request.
    ///   - isMaker: whether the only member in `state.free` has made the response that the request continues.
    /// - Returns: nil if `state.free` is empty, or if none of its members can take the request any more, for example
    ///   because other pools have just taken all slots.
    func takeFree(
        _ request: RoutingRequest,
        _ state: inout PoolEntry.State,
        trial: Int?,
        by mercy: Mercy,
        isMaker: Bool = false,
        at now: Nanoseconds
    ) -> Choice? {
        var trial = trial
        let looksAtPrompt = looksAtPrompt(of: request)
        while !state.free.isEmpty {
            var (held, reason) = looksAtPrompt && trial == nil ? holder(request, &state) : (nil, .load)
            if isMaker { reason = .response }
            let index = trial ?? held ?? pick(&state)
            let member = members[index]
            let placement =
                looksAtPrompt
                ? placement(of: request, at: index, reason, &state)
                : Placement(reason: reason, promptBytes: request.promptBytes)
            if member.executor.begin(
                promptBytes: placement.missingBytes,
                runningMax: member.runningMax,
                evenIfBad: isSpared(index, by: mercy, for: request, at: now),
                at: now
            ) {
                state.times.taken(at: now)
                if looksAtPrompt { record(request, at: member.executor, &state) }
                return .executor(member.executor, placement)
            }
            // After this pool picked the executor, another pool took its last slot or sent it a request as a trial of
            // its health, or the operator drained it.
            state.free.removeAll { $0.index == index }
            trial = nil
        }
        return nil
    }

    /// Whether some members may not take the request because they do not serve the request's path.
    func isRestricted(_ request: RoutingRequest, at now: Nanoseconds) -> Bool {
        members.contains { !$0.hasPath(request.path, at: now) }
    }

    /// The index of the member in `state.free` that gets the request.
    ///
    /// With the balance `roundRobin` or `weighted`, the members take turns, and the member whose turn is due first gets
    /// the request. With every other balance, a member with the least work in proportion to its weight gets it. Members
    /// whose work differs by less than one request count as equally loaded.
    private func pick(_ state: inout PoolEntry.State) -> Int {
        guard members.count > 1 else { return state.free[0].index }
        if asksSome { return leastOfSome(state.free) }
        // For each member, `loadWithOneMore` is the work that its executor would have with this request, divided by the
        // member's `share`. `least` is the smallest of these values.
        var least = Double.infinity
        let isByLoad = balance != .roundRobin && balance != .weighted
        if isByLoad {
            for member in state.free { least = min(least, member.loadWithOneMore) }
        }
        var next: (member: FreeMember, due: Double, strangers: Double)?
        var first = Double.infinity
        let count = isByLoad ? nil : members.count
        for member in state.free {
            let due = state.dueTurn(of: member.executor, at: member.index, share: member.share, among: count)
            first = min(first, due)
            // Skips an executor that already has at least as much work as another one would have with the new request.
            if isByLoad, member.load >= least { continue }
            // If the pool chooses by load, `strangers` is how many requests other clients than this server have at the
            // engine, divided by the member's `share`; otherwise it is 0. The executor with the smallest value is
            // chosen. If several have it, the one whose turn is due first is chosen.
            let strangers = isByLoad ? Double(member.strangers) / member.share : 0
            if let next, (next.strangers, next.due) <= (strangers, due) { continue }
            next = (member, due, strangers)
        }
        guard let next else { return state.free[0].index }
        let member = next.member
        state.turns.took(next.due, of: member.executor, at: member.index, share: member.share, first: first)
        return member.index
    }
}

extension PoolMember {
    /// Whether the member's present weight is above 0 and the member serves the path of the request.
    func mayServe(_ request: RoutingRequest, at now: Nanoseconds) -> Bool {
        isInUse && hasPath(request.path, at: now)
    }

    /// Whether the member may serve the request, and its executor has not been tried for this request.
    func mayTry(_ request: RoutingRequest, at now: Nanoseconds) -> Bool {
        mayServe(request, at: now) && !request.tried.contains(executor.id)
    }

    func takesMore(at now: Nanoseconds) -> Bool { executor.takesMore(runningMax: runningMax, at: now) }

    /// The present work of the executor, in running streams.
    ///
    /// `bytesAStream` bytes of waiting prompts count as one stream. A request at the engine that no process of this
    /// server has sent also counts as one stream, but only while this process is new (`Engine.strangersWhileNew`). A
    /// new process has too few attempts to see from them how busy each engine is.
    var work: Double {
        let engine = executor.engine
        let running = engine.modelsShareCapacity ? engine.runningInAll : executor.runningInAll
        return Double(running + engine.strangersWhileNew) + Double(waitingBytes) / Double(ExecutorPool.bytesAStream)
    }

    /// How many bytes of prompts the executor has to compute before the answers to these prompts begin.
    var waitingBytes: Int {
        executor.engine.modelsShareCapacity ? executor.engine.waitingBytesInAll : executor.waitingBytesInAll
    }

    /// The weight by which the pool shares exchanges between its members; always above 0.
    ///
    /// The value is `presentWeight` times a factor, which is normally 1. The factor grows from 0.1 to 1 after an
    /// ejection of the executor or its engine has ended, or after the operator has allowed attempts at the executor
    /// again.
    func share(at now: Nanoseconds) -> Double {
        let health = min(executor.engine.availability.share(at: now), executor.availability.share(at: now))
        // `presentWeight` may be 0 here, because an operator may set it to 0 while the executor is being chosen.
        return Double(max(1, presentWeight)) * min(health, executor.order.share(at: now))
    }
}
