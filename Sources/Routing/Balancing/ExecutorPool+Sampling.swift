// The choice of an executor in a pool with so many executors that a request does not look at all of them.
internal import Transport

extension ExecutorPool {
    /// The largest number of executors that each request looks at all of.
    static let askedMax = 64
    /// How many executors a request looks at in a larger pool, beside those that hold its prompt.
    ///
    /// Two are enough to keep the load even (Mitzenmacher, 2001).
    private static let drawnCount = 2
    /// How often a member is drawn before the request looks at all of them, because it has drawn too few usable ones.
    private static let drawsMax = 16

    /// Whether the pool is so large that a request looks only at some of its members, if its balance is by load.
    var asksSome: Bool { !weightSums.isEmpty }

    /// For each member the sum of its weight and of the weights before it; empty if requests look at all members.
    static func weightSums(_ members: [PoolMember], _ balance: Balance) -> [Int] {
        guard members.count > askedMax, balance != .roundRobin, balance != .weighted else { return [] }
        var sum = 0
        return members.map { member in
            sum += member.weight
            return sum
        }
    }

    /// Chooses among the members that hold the request's prompt or had its session, and two others drawn at random.
    ///
    /// - Returns: nil if none of them can take the request; the caller then looks at all members.
    func chooseOfSome(_ request: RoutingRequest, _ state: inout PoolEntry.State, at now: Nanoseconds) -> Choice? {
        state.free.removeAll(keepingCapacity: true)
        var trial: Int?
        if looksAtPrompt(of: request) {
            if let session = request.session, let home = state.placement.home(of: session) {
                addUsable(index(ofExecutor: home.executor), request, &state, &trial, at: now)
            }
            for match in state.placement.matches {
                addUsable(index(ofExecutor: match.executor), request, &state, &trial, at: now)
            }
        }
        let known = state.free.count
        for _ in 0..<Self.drawsMax where state.free.count < known + Self.drawnCount {
            addUsable(drawn(&state), request, &state, &trial, at: now)
        }
        // Known members alone are not chosen from, since they may have much more to do than all others.
        guard state.free.count > known else { return nil }
        return takeFree(request, &state, trial: trial, by: .none, at: now)
    }

    /// Adds a member to `state.free` if it can take the request and is not there yet.
    private func addUsable(
        _ index: Int?,
        _ request: RoutingRequest,
        _ state: inout PoolEntry.State,
        _ trial: inout Int?,
        at now: Nanoseconds
    ) {
        guard let index, mayTry(index, request, at: now), !state.free.contains(where: { $0.index == index }) else {
            return
        }
        let use = members[index].executor.use(at: now)
        guard use != .no, members[index].takesMore(at: now) else { return }
        state.free.append(members[index].free(at: index, now))
        if use == .trial, trial == nil { trial = index }
    }

    /// The index of a member drawn at random, in proportion to the configured weights.
    private func drawn(_ state: inout PoolEntry.State) -> Int? {
        guard let sum = weightSums.last, sum > 0 else { return nil }
        let point = Int(state.nextRandom() % UInt64(sum))
        return weightSums.firstIndex(notBefore: { $0 <= point })
    }

    /// The index of the member with least work for its share; of those that differ by less than one request that of the
    /// one that was drawn last, so that their shares stay in proportion to the weights.
    func leastOfSome(_ free: [FreeMember]) -> Int {
        var least = Double.infinity
        for member in free { least = min(least, member.loadWithOneMore) }
        return (free.last { $0.load < least } ?? free[0]).index
    }
}
