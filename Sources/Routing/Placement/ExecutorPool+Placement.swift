// Chooses the executor that probably has the largest part of a request's prompt in its prefix cache, for pools with
// `Balance.prefix`, or with `Balance.auto` while it acts as `prefix`.
package import Transport

extension ExecutorPool {
    /// How much longer a request may wait at an executor that has cached its prompt, beyond the time that the cache
    /// saves, in nanoseconds.
    ///
    /// The wait is compared with the wait at the least loaded executor. The cache saves time, because the executor
    /// computes only the rest of the prompt.
    static let gate: Nanoseconds = 4_000_000_000
    /// How fast an executor is assumed to compute prompts until the pool has measured its rate, in bytes a second.
    ///
    /// The value stands for about 8,000 tokens a second.
    static let rateDefault = 32_000.0

    /// Whether the pool chooses the executor for this request by the cached prompts or by the session that the request
    /// names.
    func looksAtPrompt(of request: RoutingRequest) -> Bool {
        choosesByPrompt && (!request.prefix.hashes.isEmpty || request.session != nil)
    }
    /// How many bytes of prompts count as one token, to convert a cache size that an engine reports in tokens.
    private static let bytesAToken = 4

    /// Returns the member (an executor of the pool) that should get a request, because it has probably cached the
    /// prompt.
    ///
    /// The function first considers the member that got the latest request of the same session. Then it considers the
    /// holders, the members that have probably cached the largest part of the prompt, and prefers the holder with the
    /// least load. A member is rejected if it has no free slot, or if the request would wait there too long, compared
    /// with the least loaded member (`isWorthIt`).
    ///
    /// If the function rejects every member that it considers, the result is nil with the reason `gate`. If there is no
    /// member to consider, the result is nil with the reason `load`. In both cases, the caller chooses a member as
    /// it does for `Balance.leastLoad`. `state.placement.matches` has the holders, and `state.free` has the members
    /// with a free slot.
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

    /// Whether a request should go to a member that has cached `bytes` of its prompt, although another member has less
    /// to do.
    ///
    /// The request may wait longer there than at the least loaded member. The additional wait may be at most the time
    /// that the cached bytes save, plus `gate`.
    private func isWorthIt(_ member: FreeMember, saving bytes: Int, _ state: borrowing PoolEntry.State) -> Bool {
        var least = Double.infinity
        for other in state.free { least = min(least, other.load) }
        // Loads are work divided by weight (`share`). The least load is multiplied by this member's weight, so that it
        // can be compared with this member's work.
        let more = (member.work - least * member.share) * Double(Self.bytesAStream)
        let rate = state.placement.rates[member.executor]?.bytesPerSecond ?? Self.rateDefault
        return more <= Double(bytes) + rate * Double(Self.gate) / 1e9
    }

    /// Describes what a request costs at a member of the pool.
    ///
    /// The result says how many bytes of the prompt the member has probably cached, and how many bytes of other prompts
    /// wait there.
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

    /// Records that a request goes to an executor, which will cache the prompt, and which gets later requests of the
    /// session.
    func record(_ request: RoutingRequest, at executor: Executor, _ state: inout PoolEntry.State) {
        let (engine, cacheBytes) = (executor.engine, executor.engine.words.cacheTokens.map { $0 * Self.bytesAToken })
        state.placement.map.record(request.prefix, at: executor.id, losses: engine.losses, cacheBytes: cacheBytes)
        if let session = request.session { state.placement.record(session, at: executor) }
    }

    /// Records that an executor has not computed, and so not cached, the prompt of a request for which it was chosen.
    ///
    /// The attempt has failed, the executor has refused it, or it was never made.
    package func takeBack(_ prefix: PromptPrefix, _ placement: Placement, of executor: Executor) {
        guard choosesByPrompt, !prefix.hashes.isEmpty else { return }
        entry.state.withLock { state in
            state.placement.map.takeBack(prefix, at: executor.id, believedBytes: placement.believedBytes)
        }
    }

    /// Measures how fast an executor computes prompts; called when an answer begins.
    ///
    /// - Parameter time: the nanoseconds between the choice of the executor and the beginning of the answer.
    package func answerBegan(_ placement: Placement, of executor: Executor, after time: Nanoseconds) {
        guard choosesByPrompt else { return }
        entry.state.withLock { state in
            state.placement.rates[executor.id, default: PrefillRate()]
                .measured(placement.missingBytes + placement.aheadBytes, in: time)
        }
    }

    /// Learns the size of an executor's cache from the token counts in an answer's usage.
    ///
    /// - Parameters:
    ///   - promptTokens: the tokens of the whole prompt, above 0.
    ///   - cachedTokens: how many of these tokens were in the executor's cache; nil if the answer does not say. If an
    ///     earlier answer of the executor said it, nil counts as 0, because some engines omit the field when nothing
    ///     was cached.
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

    /// Records which executor has made a response, because only that executor can continue the response in a later
    /// request.
    ///
    /// - Parameter response: the hash of the response's id, by the same hasher as `RoutingRequest.response`.
    package func made(response: UInt64, by executor: Executor) {
        entry.state.withLock { $0.placement.record(response: response, by: executor) }
    }

    /// The index of the member (an executor of the pool) that has made the response which a request continues.
    ///
    /// Only the engine that has made a response has stored it. The result is nil if the request continues no response,
    /// or if the pool does not know the member. It is also nil if the member's engine has been ejected since it made
    /// the response, if the member has been tried already for this request, or if the member may not be used now. If
    /// the result is nil, the request may go to any member.
    func maker(for request: RoutingRequest, _ state: inout PoolEntry.State, at now: Nanoseconds) -> Int? {
        guard let response = request.response, let home = state.placement.maker(of: response),
            let index = index(ofExecutor: home.executor), members[index].mayTry(request, at: now)
        else { return nil }
        let executor = members[index].executor
        return executor.engine.losses == home.losses && executor.use(at: now) != .no ? index : nil
    }

    // MARK: Cached tokens

    /// After this many answers without a number of cached tokens, the edge assumes that an executor never reports it.
    ///
    /// Only those answers are counted for which the pool believed most of the prompt to be cached.
    private static let unreportedMax = 8

    /// Whether an executor's answers never say how many tokens of a prompt were cached, so that its cache size stays
    /// unknown.
    ///
    /// True after `unreportedMax` answers that should have said it. The function takes the lock of the pool.
    package func hidesCachedTokens(_ executor: Executor) -> Bool {
        guard choosesByPrompt else { return false }
        return entry.state.withLock { state in
            !state.placement.reporting.contains(executor.id)
                && state.placement.unreported[executor.id, default: 0] >= Self.unreportedMax
        }
    }
}
