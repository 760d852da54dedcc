// The choice of an executor in a pool with so many executors that a request does not look at all of them.
internal import Transport

extension ExecutorPool {
    /// The largest number of executors in a pool in which each request looks at every executor.
    static let askedMax = 64
    /// How many executors, drawn at random, a request looks at in a larger pool, besides those that have its prompt in
    /// their cache.
    ///
    /// Two are enough to keep the load even (Mitzenmacher, 2001).
    private static let drawnCount = 2
    /// The largest number of random draws for one request; a draw may give an executor that cannot take the request.
    private static let drawsMax = 16

    /// Whether requests look only at some members.
    ///
    /// The result is true if the pool is large and chooses executors by their load. A pool that takes its executors in
    /// turn looks at all of them.
    var asksSome: Bool { !weightSums.isEmpty }

    /// For each member, the sum of its weight and of the weights before it, to draw members at random by their weights.
    ///
    /// The result is empty if each request looks at all members of the pool, because no members are drawn then.
    static func weightSums(_ members: [PoolMember], _ balance: Balance) -> [Int] {
        guard members.count > askedMax, balance != .roundRobin, balance != .weighted else { return [] }
        var sum = 0
        return members.map { member in
            sum += member.weight
            return sum
        }
    }

    /// Chooses an executor among a few members.
    ///
    /// The few are the members that have the beginning of the request's prompt in their cache, the member that has
    /// served the request's session, and two others drawn at random.
    ///
    /// - Returns: nil in two cases; the caller then looks at all members. Either no member that was drawn at random can
    ///   take the request, apart from those with the prompt or the session. Or none of all these members has a free
    ///   slot any more, for instance because other pools have just taken the last ones.
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
        // The members that have the prompt in their cache may have much more to do than all others. So they are chosen
        // only in comparison with members that were picked at random, of which at least one must be usable.
        guard state.free.count > known else { return nil }
        return takeFree(request, &state, trial: trial, by: .none, at: now)
    }

    /// Adds the member at `index` to the candidates in `state.free`, if the member can take the request and is not a
    /// candidate yet.
    private func addUsable(
        _ index: Int?,
        _ request: RoutingRequest,
        _ state: inout PoolEntry.State,
        _ trial: inout Int?,
        at now: Nanoseconds
    ) {
        guard let index, !state.free.contains(where: { $0.index == index }) else { return }
        let member = members[index]
        let use = member.executor.use(at: now)
        guard use != .no, member.mayTry(request, at: now), member.takesMore(at: now) else { return }
        state.free.append(member.free(at: index, now))
        if use == .trial, trial == nil { trial = index }
    }

    /// The index of a member drawn at random, in proportion to the configured weights.
    private func drawn(_ state: inout PoolEntry.State) -> Int? {
        guard let sum = weightSums.last, sum > 0 else { return nil }
        let point = Int(state.nextRandom() % UInt64(sum))
        return weightSums.firstIndex(notBefore: { $0 <= point })
    }

    /// The index of the member in `free` that has the least work in proportion to its present weight.
    ///
    /// Members whose work exceeds the least by less than one request count as equally loaded, and the last of them in
    /// `free` is chosen. `chooseOfSome` puts the members that it draws at the end of `free`, so that requests are
    /// spread in proportion to the weights by which members are drawn.
    func leastOfSome(_ free: [FreeMember]) -> Int {
        var least = Double.infinity
        for member in free { least = min(least, member.loadWithOneMore) }
        return (free.last { $0.load < least } ?? free[0]).index
    }
}
