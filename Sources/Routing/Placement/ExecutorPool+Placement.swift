// The choice of an executor by what the executors hold of a prompt, for pools with `Balance.prefix`.
package import Transport

extension ExecutorPool {
    /// How much longer a request may wait at an executor that holds its prompt than at the least loaded executor.
    ///
    /// The time, in nanoseconds, comes on top of the time for computing the held part, which the executor saves.
    static let gate: Nanoseconds = 4_000_000_000
    /// The assumed rate at which an executor computes prompts until its own rate is measured: about 8,000 tokens a
    /// second.
    ///
    /// The rate is in bytes a second.
    static let rateDefault = 32_000.0

    /// Whether the pool chooses the executor of this request by the request's prompt or session.
    func looksAtPrompt(of request: RoutingRequest) -> Bool {
        choosesByPrompt && (!request.prefix.hashes.isEmpty || request.session != nil)
    }
    /// How many bytes of a prompt count as one token, when an engine reports the size of its cache in tokens.
    private static let bytesAToken = 4

    /// The member that should take a request, by what the members hold of its prompt.
    ///
    /// The function first considers the member to which the request's session went before, and then the holder with the
    /// least work. `PlacementMap.findHolders` says which members are holders. A member is not taken if it has no free
    /// slot, or if the request would wait there for longer than `gate` allows. If there is such a member or holder but
    /// none is taken, the reason is `gate`. If there is none at all, the reason is `load`. In both cases the result has
    /// no member, and the caller chooses one as `leastLoad` does.
    ///
    /// `state.placement.matches` has the holders, and `state.free` the members that can take the request.
    func holder(
        _ request: RoutingRequest,
        _ state: inout PoolEntry.State
    ) -> (index: Int?, reason: PlacementReason) {
        var reason = PlacementReason.load
        if let session = request.session, let home = state.placement.home(of: session),
            let index = index(ofExecutor: home.executor), members[index].executor.engine.losses == home.losses
        {
            state.placement.map.refresh(home.executor, losses: home.losses)
            let bytes = state.placement.map.bytesHeld(of: request.prefix, by: home.executor)
            if let member = state.free.first(where: { $0.index == index }), isWorthIt(member, saving: bytes, state) {
                return (index, .session)
            }
            reason = .gate
        }
        var best: (member: FreeMember, bytes: Int)?
        for match in state.placement.matches {
            guard let index = index(ofExecutor: match.executor) else { continue }
            if state.placement.map.refresh(match.executor, losses: members[index].executor.engine.losses) { continue }
            reason = .gate
            guard let member = state.free.first(where: { $0.index == index }) else { continue }
            if member.load < best?.member.load ?? .infinity { best = (member, match.bytes) }
        }
        guard let best, isWorthIt(best.member, saving: best.bytes, state) else { return (nil, reason) }
        return (best.member.index, .prefix)
    }

    /// Whether a request should go to a member that holds `bytes` of its prompt, although the least loaded member has
    /// less to do.
    private func isWorthIt(_ member: FreeMember, saving bytes: Int, _ state: borrowing PoolEntry.State) -> Bool {
        var least = Double.infinity
        for other in state.free { least = min(least, other.load) }
        // The work of the least loaded member is scaled to this member's share, so that the two can be compared.
        let more = (member.work - least * member.share) * Double(Self.bytesAStream)
        let rate = state.placement.rates[member.executor]?.bytesPerSecond ?? Self.rateDefault
        return more <= Double(bytes) + rate * Double(Self.gate) / 1e9
    }

    /// The placement of a request at a member.
    ///
    /// It says how much of the prompt the member holds, and how many bytes of other prompts wait at the member.
    func placement(
        of request: RoutingRequest,
        at index: Int,
        _ reason: PlacementReason,
        _ state: inout PoolEntry.State
    ) -> Placement {
        let executor = members[index].executor
        state.placement.map.refresh(executor.id, losses: executor.engine.losses)
        return Placement(
            reason: reason,
            promptBytes: request.promptBytes,
            believedBytes: state.placement.map.bytesHeld(of: request.prefix, by: executor.id),
            aheadBytes: members[index].waitingBytes,
            isEstimate: request.hasMedia
        )
    }

    /// Records that a request goes to an executor.
    func record(_ request: RoutingRequest, at executor: Executor, _ state: inout PoolEntry.State) {
        let (engine, cacheBytes) = (executor.engine, executor.engine.words.cacheTokens.map { $0 * Self.bytesAToken })
        state.placement.map.record(request.prefix, at: executor.id, losses: engine.losses, cacheBytes: cacheBytes)
        if let session = request.session { state.placement.record(session, at: executor) }
    }

    /// Records that an executor has not computed the prompt of a request that was sent there.
    ///
    /// The attempt has failed, was refused, or was not made.
    package func takeBack(_ prefix: PromptPrefix, _ placement: Placement, of executor: Executor) {
        guard choosesByPrompt, !prefix.hashes.isEmpty else { return }
        entry.state.withLock { state in
            state.placement.map.takeBack(prefix, at: executor.id, believedBytes: placement.believedBytes)
        }
    }

    /// Records that an answer has begun; the time until then shows how fast the executor computes prompts.
    ///
    /// - Parameter time: the time since the attempt was counted, in nanoseconds.
    package func answerBegan(_ placement: Placement, of executor: Executor, after time: Nanoseconds) {
        guard choosesByPrompt else { return }
        entry.state.withLock { state in
            state.placement.rates[executor.id, default: PrefillRate()]
                .measured(placement.missingBytes + placement.aheadBytes, in: time)
        }
    }

    /// Learns how much an executor caches from the usage that an answer has reported.
    ///
    /// - Parameters:
    ///   - promptTokens: the tokens of the whole prompt, above 0.
    ///   - cachedTokens: how many of these tokens were in the executor's cache; nil if the answer does not say. If an
    ///     earlier answer of the executor has said it, nil counts as 0, because some engines leave the field out if
    ///     nothing was cached.
    package func learn(
        _ placement: Placement,
        of executor: Executor,
        promptTokens: Int,
        cachedTokens: Int?
    ) {
        let prompt = placement.believedBytes + placement.missingBytes
        guard choosesByPrompt, promptTokens > 0, prompt >= PromptPrefix.step, !placement.isEstimate else { return }
        let part = min(1, Double(max(0, cachedTokens ?? 0)) / Double(promptTokens))
        let answer = CacheSize.Answer(
            prompt: prompt,
            believed: placement.believedBytes,
            cached: min(Int(part * Double(prompt)), PromptPrefix.bytesMax)
        )
        entry.state.withLock { state in
            if cachedTokens != nil { state.placement.reporting.insert(executor.id) }
            guard state.placement.reporting.contains(executor.id) else {
                if placement.believedBytes * 2 > prompt { state.placement.unreported[executor.id, default: 0] += 1 }
                return
            }
            state.placement.map.learn(answer, of: executor.id)
        }
    }

    // MARK: Stored responses

    /// Records that an executor has made a response that later requests may continue.
    ///
    /// - Parameter response: the hash of the response's id, by the same hasher as `RoutingRequest.response`.
    package func made(response: UInt64, by executor: Executor) {
        entry.state.withLock { $0.placement.record(response: response, by: executor) }
    }

    /// The index of the member that has made the response that a request continues.
    ///
    /// Only the engine that has made a response has stored it. The result is nil if the request may go to any member:
    /// if the pool does not know who made the response, or if that member has been lost since, has been tried, or may
    /// not be used.
    func maker(for request: RoutingRequest, _ state: inout PoolEntry.State, at now: Nanoseconds) -> Int? {
        guard let response = request.response, let home = state.placement.maker(of: response),
            let index = index(ofExecutor: home.executor), members[index].mayTry(request, at: now)
        else { return nil }
        let executor = members[index].executor
        return executor.engine.losses == home.losses && executor.use(at: now) != .no ? index : nil
    }

    // MARK: Cached tokens

    /// The number of answers without a count of cached tokens after which an executor counts as one that reports none.
    ///
    /// Only answers count whose prompts were believed to be cached for the greater part.
    private static let unreportedMax = 8

    /// Whether no answer of an executor has said how many tokens of a prompt were cached, although many should have.
    ///
    /// Without that number, the pool cannot learn how large the executor's cache is. The function takes the lock of the
    /// pool.
    package func hidesCachedTokens(_ executor: Executor) -> Bool {
        guard choosesByPrompt else { return false }
        return entry.state.withLock { state in
            !state.placement.reporting.contains(executor.id)
                && state.placement.unreported[executor.id, default: 0] >= Self.unreportedMax
        }
    }
}
