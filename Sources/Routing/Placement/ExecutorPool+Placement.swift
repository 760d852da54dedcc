// The choice of an executor by what the executors hold of a prompt, for pools with `Balance.prefix`.
package import Transport

/// The part of a pool that knows where prompts have gone; it outlives snapshots.
struct PlacementState: Sendable {
    var map = PlacementMap()
    /// How fast the executors compute prompts, by their ids.
    var rates: [Int: PrefillRate] = [:]
    /// The ids of the executors that have said in an answer how many tokens were cached.
    var reporting: Set<Int> = []
    /// For executors that have never said it: how many answers should have said it, because much of their prompts was
    /// believed to be cached.
    var unreported: [Int: Int] = [:]

    /// Forgets all executors except those with these ids.
    mutating func keep(_ ids: Set<Int>) {
        map.keep(ids)
        rates = rates.filter { ids.contains($0.key) }
        reporting.formIntersection(ids)
        unreported = unreported.filter { ids.contains($0.key) }
    }
}

extension ExecutorPool {
    /// How much longer a request may wait at an executor that holds its prompt than at the least loaded executor, beyond
    /// the prefill time that the held part saves; in nanoseconds.
    static let gate: Nanoseconds = 4_000_000_000
    /// The rate of prefill that is assumed until an executor's own is measured, in bytes a second: about 8,000 tokens.
    static let rateDefault = 32_000.0

    /// How many bytes of a prompt count as one token of an engine's cache, when the engine says how large it is.
    private static let bytesAToken = 4

    /// The member that should take a request, by what the members hold of its prompt.
    ///
    /// The function takes the holder with the least work; `PlacementMap.holders` says which members are holders. The
    /// result has no member and the reason `gate` if the request would wait there for longer than `gate` allows. The
    /// caller then chooses a member as `leastLoad` does.
    func holder(
        _ request: RoutingRequest,
        _ state: inout PoolEntry.State,
        at now: Nanoseconds
    ) -> (index: Int?, reason: PlacementReason) {
        let holders = state.placement.map.holders(of: request.prefix)
        guard !holders.isEmpty else { return (nil, .load) }
        var best: (index: Int, bytes: Int, work: Double)?
        var least: (work: Double, share: Double)?
        var wasLost = false
        for index in state.free {
            let share = members[index].share(at: now)
            let work = members[index].work
            if work / share < least.map({ $0.work / $0.share }) ?? .infinity { least = (work, share) }
            let executor = members[index].executor
            guard let match = holders.first(where: { $0.executor == executor.id }) else { continue }
            if state.placement.map.refresh(executor.id, losses: executor.engine.losses) {
                wasLost = true
                continue
            }
            if work / share < best.map({ $0.work / members[$0.index].share(at: now) }) ?? .infinity {
                best = (index, match.bytes, work)
            }
        }
        guard let best, let least else { return (nil, wasLost ? .load : .gate) }
        // The work of the least loaded member, scaled to the weight of the holder, so that the two can be compared.
        let others = least.work * members[best.index].share(at: now) / least.share
        let more = (best.work - others) * Double(Self.bytesAStream)
        let rate = state.placement.rates[members[best.index].executor.id]?.bytesPerSecond ?? Self.rateDefault
        let most = Double(best.bytes) + rate * Double(Self.gate) / 1e9
        return more <= most ? (best.index, .prefix) : (nil, .gate)
    }

    /// The placement of a request at a member: how much of the prompt the member holds, and how many bytes of other
    /// prompts wait there.
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
            aheadBytes: members[index].waitingBytes
        )
    }

    /// Records that a prompt goes to an executor.
    func record(_ prefix: PromptPrefix, at executor: Executor, _ state: inout PoolEntry.State) {
        let (engine, cacheBytes) = (executor.engine, executor.engine.words.cacheTokens.map { $0 * Self.bytesAToken })
        state.placement.map.record(prefix, at: executor.id, losses: engine.losses, cacheBytes: cacheBytes)
    }

    /// Records that an answer has begun, by which the executor's rate of prefill is learned.
    ///
    /// - Parameter time: the time since the attempt was counted, in nanoseconds.
    package func answerBegan(_ placement: Placement, of executor: Executor, after time: Nanoseconds) {
        guard choosesByPrompt else { return }
        entry.state.withLock { state in
            state.placement.rates[executor.id, default: PrefillRate()]
                .measured(placement.missingBytes + placement.aheadBytes, in: time)
        }
    }

    /// Learns from the usage that an answer has reported.
    ///
    /// - Parameters:
    ///   - promptTokens: the tokens of the whole prompt, above 0.
    ///   - cachedTokens: the tokens of it that were in the executor's cache; nil if the executor did not say. Nil counts
    ///     as 0 if the executor has said it before, because some engines leave the field out where nothing was cached.
    package func learn(
        _ placement: Placement,
        of executor: Executor,
        promptTokens: Int,
        cachedTokens: Int?
    ) {
        let prompt = placement.believedBytes + placement.missingBytes
        guard choosesByPrompt, promptTokens > 0, prompt >= PromptPrefix.step else { return }
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

    /// After this many answers that should have said how many tokens were cached, an executor counts as one that does
    /// not say it.
    private static let unreportedMax = 8

    /// Whether the answers of an executor never say how many tokens of a prompt were cached, although many should have.
    ///
    /// Without it, the pool cannot learn how large the executor's cache is. The function takes the lock of the pool.
    package func hidesCachedTokens(_ executor: Executor) -> Bool {
        guard choosesByPrompt else { return false }
        return entry.state.withLock { state in
            !state.placement.reporting.contains(executor.id)
                && state.placement.unreported[executor.id, default: 0] >= Self.unreportedMax
        }
    }
}
