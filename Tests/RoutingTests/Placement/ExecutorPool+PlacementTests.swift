// Tests the choice of an executor by the cached prompts of each executor, and when load is more important.
import Testing
import Transport

@testable import Routing

@Suite struct ExecutorPoolPlacementTests {
    private static let second: Nanoseconds = 1_000_000_000

    private static func request(_ blocks: [Int], session: SessionName? = nil, response: UInt64? = nil)
        -> RoutingRequest
    {
        var request = RoutingRequest(promptBytes: blocks.count * PromptPrefix.step)
        request.prefix = PlacementMapTests.prefix(blocks)
        request.session = session
        request.response = response
        return request
    }

    private static func choose(_ pool: ExecutorPool, _ blocks: [Int]) throws -> (executor: Int, placement: Placement) {
        try choose(pool, request(blocks))
    }

    private static func choose(_ pool: ExecutorPool, _ request: RoutingRequest) throws
        -> (executor: Int, placement: Placement)
    {
        guard case .executor(let executor, let placement) = pool.choose(request, at: second) else {
            throw NoExecutor()
        }
        return (executor.id, placement)
    }

    private struct NoExecutor: Error {}

    /// Ends an attempt as if the executor had computed the prompt and completed the response.
    private static func end(_ pool: ExecutorPool, _ chosen: (executor: Int, placement: Placement)) {
        let executor = pool.executors[chosen.executor]
        executor.promptDone(bytes: chosen.placement.missingBytes)
        pool.release(executor, began: 0, at: second)
    }

    @Test func aConversationStaysWithItsExecutor() throws {
        let pool = ExecutorPoolTests.pool(4, .prefix)
        let first = try Self.choose(pool, [1, 2, 3])
        #expect(first.placement.reason == .load && first.placement.believedBytes == 0)
        Self.end(pool, first)
        for turn in 4..<12 {
            let next = try Self.choose(pool, Array(1...turn))
            #expect(next.executor == first.executor && next.placement.reason == .prefix)
            #expect(next.placement.believedBytes == (turn - 1) * PromptPrefix.step)
            #expect(next.placement.missingBytes == PromptPrefix.step)
            Self.end(pool, next)
        }
    }

    /// Pools with the balance `least-load` or `round-robin` do not place requests by their prompts.
    @Test func otherBalancesDoNotLookAtPrompts() throws {
        for balance in [Balance.leastLoad, .roundRobin] {
            let pool = ExecutorPoolTests.pool(4, balance)
            var seen: Set<Int> = []
            for _ in 0..<8 {
                let chosen = try Self.choose(pool, [1, 2, 3])
                #expect(chosen.placement.believedBytes == 0 && chosen.placement.missingBytes == 3 * PromptPrefix.step)
                seen.insert(chosen.executor)
            }
            #expect(seen.count == 4)
        }
    }

    /// A pool with the balance `auto` places requests by their prompts if all of its engines are of kinds that cache
    /// prompts.
    @Test func autoLooksAtPromptsWhereAllEnginesCacheThem() throws {
        let pool = ExecutorPoolTests.pool(3, .auto)
        func staysAtItsExecutor() throws -> Bool {
            let first = try Self.choose(pool, [1, 2, 3])
            Self.end(pool, first)
            let second = try Self.choose(pool, [1, 2, 3])
            Self.end(pool, second)
            return second.placement.reason == .prefix && second.executor == first.executor
        }
        func find(_ kinds: [EngineKind]) {
            for (executor, kind) in zip(pool.executors, kinds) { executor.engine.found(kind) }
            pool.kindsChanged()
        }
        #expect(try !staysAtItsExecutor() && !pool.choosesByPrompt)
        find([.vllm, .sglang, .unknown])
        #expect(try !staysAtItsExecutor() && !pool.choosesByPrompt)
        find([.vllm, .sglang, .llamaCpp])
        #expect(try staysAtItsExecutor() && pool.choosesByPrompt)
        find([.vllm, .ollama, .llamaCpp])
        #expect(try !staysAtItsExecutor() && !pool.choosesByPrompt)
    }

    /// If an engine reports the size of its cache, the pool's estimate of the size begins with this value.
    @Test func theMapBeginsWithTheSizeThatTheEngineSays() throws {
        let pool = ExecutorPoolTests.pool(1, .prefix)
        var load = EngineLoad()
        load.cacheTokens = 500_000
        pool.executors[0].engine.says(load, at: 1)
        Self.end(pool, try Self.choose(pool, [1, 2, 3]))
        #expect(pool.entry.state.withLock { $0.placement.map.capacity(of: 0) } == 2_000_000)
    }

    /// The pool notices an engine that never reports cached tokens, although its cache should have had many: probably
    /// the engine was started without the option for it.
    @Test func whoNeverSaysWhatWasCachedHidesIt() throws {
        let pool = ExecutorPoolTests.pool(1, .prefix)
        func answer(_ blocks: [Int], cachedTokens: Int?) throws {
            let chosen = try Self.choose(pool, blocks)
            Self.end(pool, chosen)
            let executor = pool.executors[chosen.executor]
            pool.learn(chosen.placement, of: executor, promptTokens: 1000, cachedTokens: cachedTokens)
        }
        for number in 0..<20 { try answer([1000 + number, 1, 2], cachedTokens: nil) }
        #expect(!pool.hidesCachedTokens(pool.executors[0]), "nothing was believed to be cached")
        for _ in 0..<8 {
            #expect(!pool.hidesCachedTokens(pool.executors[0]))
            try answer([1000, 1, 2], cachedTokens: nil)
        }
        #expect(pool.hidesCachedTokens(pool.executors[0]))
        try answer([1000, 1, 2], cachedTokens: 0)
        #expect(!pool.hidesCachedTokens(pool.executors[0]))
    }

    /// A pool with the balance `auto` that has no executors, for example because none is found yet, does not place by
    /// prompts.
    @Test func autoWithoutExecutorsLooksAtNothing() {
        #expect(!ExecutorPool(PoolEntry(id: 1), members: [], balance: .auto).choosesByPrompt)
    }

    /// Prompts without a common beginning go to the executor with the least load, as with the balance `least-load`.
    @Test func promptsThatNobodyHoldsGoToTheLeastLoaded() throws {
        let pool = ExecutorPoolTests.pool(4, .prefix)
        for number in 0..<40 { _ = try Self.choose(pool, [1000 + number, 1, 2]) }
        #expect(pool.executors.allSatisfy { $0.running == 10 })
    }

    /// A request leaves the executor that caches its prompt if that executor has too much other work.
    ///
    /// That is the case if the wait there exceeds the time that the cache saves by more than four seconds.
    @Test func aHolderWithTooMuchToDoIsLeft() throws {
        let pool = ExecutorPoolTests.pool(2, .prefix)
        let first = try Self.choose(pool, [1, 2, 3, 4])
        Self.end(pool, first)
        let holder = pool.executors[first.executor]
        let gate = Int(ExecutorPool.rateDefault * 4)
        holder.attemptBegan(promptBytes: gate)
        let stays = try Self.choose(pool, [1, 2, 3, 4, 5])
        #expect(stays.executor == first.executor && stays.placement.reason == .prefix)
        Self.end(pool, stays)
        holder.attemptBegan(promptBytes: 8 * PromptPrefix.step)
        let leaves = try Self.choose(pool, [1, 2, 3, 4, 6])
        #expect(leaves.executor != first.executor && leaves.placement.reason == .gate)
        #expect(leaves.placement.believedBytes == 0)
        Self.end(pool, leaves)
        // Now both executors have the prompt in their cache, and the one with less work gets the request.
        let both = try Self.choose(pool, [1, 2, 3, 4, 7])
        #expect(both.executor == leaves.executor && both.placement.reason == .prefix)
    }

    /// How many bytes may wait at an executor before a request leaves it depends on the executor's measured prefill
    /// rate.
    @Test func aSlowHolderIsLeftEarlier() throws {
        let pool = ExecutorPoolTests.pool(2, .prefix)
        let first = try Self.choose(pool, [1, 2, 3, 4])
        Self.end(pool, first)
        let holder = pool.executors[first.executor]
        holder.attemptBegan(promptBytes: Int(ExecutorPool.rateDefault * 2))
        let stays = try Self.choose(pool, [1, 2, 3, 4, 5])
        #expect(stays.placement.reason == .prefix)
        Self.end(pool, stays)
        for _ in 0..<20 {
            let slow = Placement(promptBytes: 100_000)
            pool.answerBegan(slow, of: holder, after: 100 * Self.second)
        }
        let leaves = try Self.choose(pool, [1, 2, 3, 4, 6])
        #expect(leaves.placement.reason == .gate && leaves.executor != first.executor)
    }

    @Test func aHolderThatIsFullIsNotWaitedFor() throws {
        let pool = ExecutorPoolTests.pool(2, .prefix, max: 1)
        let first = try Self.choose(pool, [1, 2, 3, 4])
        let second = try Self.choose(pool, [1, 2, 3, 4])
        #expect(second.executor != first.executor && second.placement.reason == .gate)
    }

    /// When an ejected engine is healthy again, the pool assumes that its cache is empty, as after a restart.
    @Test func anEjectedEngineHoldsNothingAfterwards() throws {
        let pool = ExecutorPoolTests.pool(2, .prefix)
        let first = try Self.choose(pool, [1, 2, 3, 4])
        Self.end(pool, first)
        let engine = pool.executors[first.executor].engine
        engine.availability.change { health, _ in
            for _ in 0..<10 { health.failed(at: 1) }
        }
        #expect(engine.losses == 1)
        engine.availability.change { health, _ in health.engineAnswers(wasLost: true, at: 1) }
        let next = try Self.choose(pool, [1, 2, 3, 4])
        #expect(next.placement.believedBytes == 0 && next.placement.reason == .load)
    }

    /// Six of ten requests share one prompt.
    ///
    /// The executor that caches this prompt may lag the others by at most four seconds of prefill, because further
    /// requests then go to other executors.
    @Test func aHotPromptDoesNotOverloadItsExecutor() throws {
        let pool = ExecutorPoolTests.pool(8, .prefix)
        var waiting: [(executor: Int, placement: Placement)] = []
        for number in 0..<400 {
            let isHot = number % 10 < 6
            waiting.append(try Self.choose(pool, isHot ? [1, 2, 3, 4, 500 + number] : [9000 + number, 1, 2, 3]))
            // One request ends for every two that arrive, so more and more requests wait.
            if number % 2 == 0 { Self.end(pool, waiting.removeFirst()) }
            let work = pool.members.map(\.work)
            let bytes = ExecutorPool.rateDefault * 4 + Double(5 * PromptPrefix.step)
            #expect(work.max()! - work.min()! <= bytes / Double(ExecutorPool.bytesAStream) + 4)
        }
    }

    /// Responses report how many prompt tokens were cached.
    ///
    /// From this the pool learns how large an executor's cache is.
    @Test func theSizeIsLearnedFromAnswers() throws {
        let pool = ExecutorPoolTests.pool(1, .prefix)
        for number in 0..<200 {
            let chosen = try Self.choose(pool, [number % 20] + Array(0..<30))
            Self.end(pool, chosen)
            pool.learn(chosen.placement, of: pool.executors[0], promptTokens: 15_000, cachedTokens: 0)
        }
        let capacity = pool.entry.state.withLock { $0.placement.map.capacity(of: 0) }
        #expect(capacity.map { $0 < CacheSize.first } == true)
    }

    /// If an executor's response does not say how many tokens were cached, this means 0 only if an earlier response of
    /// it has said a number.
    ///
    /// Otherwise it means nothing.
    @Test func silenceAboutTheCacheMeansNothingUntilItHasSpoken() throws {
        for speaks in [false, true] {
            let pool = ExecutorPoolTests.pool(1, .prefix)
            for number in 0..<200 {
                let chosen = try Self.choose(pool, [number % 20] + Array(0..<30))
                Self.end(pool, chosen)
                let cached = speaks && number == 0 ? 1 : nil
                pool.learn(chosen.placement, of: pool.executors[0], promptTokens: 15_000, cachedTokens: cached)
            }
            let capacity = pool.entry.state.withLock { $0.placement.map.capacity(of: 0) }
            #expect(capacity.map { $0 < CacheSize.first } == speaks)
        }
    }

    /// After a reload the pool still knows the cached prompts of the executors that it keeps.
    @Test func aReloadKeepsWhatIsKnown() throws {
        let pool = ExecutorPoolTests.pool(3, .prefix)
        let first = try Self.choose(pool, [1, 2, 3, 4])
        Self.end(pool, first)
        let kept = ExecutorPool(pool.entry, members: pool.members.reversed(), balance: .prefix)
        let next = try Self.choose(kept, [1, 2, 3, 4, 5])
        #expect(next.executor == first.executor && next.placement.reason == .prefix)
        let without = ExecutorPool(
            pool.entry,
            members: pool.members.filter { $0.executor.id != first.executor },
            balance: .prefix
        )
        let other = try Self.choose(without, [1, 2, 3, 4, 5])
        #expect(other.executor != first.executor && other.placement.believedBytes == 0)
    }

    // MARK: Sessions

    /// All requests of a session go to the executor of its first request, even if the prompts are too short to be
    /// recognized by their beginning.
    @Test func aSessionStaysWithItsExecutor() throws {
        let pool = ExecutorPoolTests.pool(4, .prefix)
        let session = SessionName(hash: 77)
        let first = try Self.choose(pool, Self.request([], session: session))
        #expect(first.placement.reason == .load)
        Self.end(pool, first)
        for turn in 0..<8 {
            let next = try Self.choose(pool, Self.request(Array(0..<turn), session: session))
            #expect(next.executor == first.executor && next.placement.reason == .session)
            Self.end(pool, next)
        }
        let other = try Self.choose(pool, Self.request([], session: SessionName(hash: 78)))
        #expect(other.executor != first.executor, "another session takes its own turn")
    }

    /// A request goes to its session's executor rather than to one that caches its prompt.
    ///
    /// It goes to another executor if the wait at that one is too long.
    @Test func aSessionGoesFirstUnderTheGate() throws {
        let pool = ExecutorPoolTests.pool(3, .prefix)
        let session = SessionName(hash: 5)
        let prompt = try Self.choose(pool, [1, 2, 3, 4])
        let home = try Self.choose(pool, Self.request([9], session: session))
        #expect(home.executor != prompt.executor)
        Self.end(pool, prompt)
        Self.end(pool, home)
        let next = try Self.choose(pool, Self.request([1, 2, 3, 4], session: session))
        #expect(next.executor == home.executor && next.placement.reason == .session)
        Self.end(pool, next)
        pool.executors[home.executor].attemptBegan(promptBytes: Int(ExecutorPool.rateDefault * 6))
        let moved = try Self.choose(pool, Self.request([50, 51], session: session))
        #expect(moved.executor != home.executor && moved.placement.reason == .gate)
        Self.end(pool, moved)
        let stays = try Self.choose(pool, Self.request([], session: session))
        #expect(stays.executor == moved.executor && stays.placement.reason == .session, "it has a new executor")
    }

    /// A restarted engine has an empty cache, so the session's next request may go to any executor.
    @Test func aSessionLeavesAnEngineThatWasLost() throws {
        let pool = ExecutorPoolTests.pool(2, .prefix)
        let session = SessionName(hash: 5)
        let home = try Self.choose(pool, Self.request([], session: session))
        let engine = pool.executors[home.executor].engine
        engine.availability.change { health, _ in
            for _ in 0..<10 { health.failed(at: 1) }
        }
        engine.availability.change { health, _ in health.engineAnswers(wasLost: true, at: 1) }
        let next = try Self.choose(pool, Self.request([], session: session))
        #expect(next.placement.reason == .load && next.executor != home.executor)
    }

    /// The user that a request names counts as its session only if the tenant has several users.
    ///
    /// Otherwise all requests of a tenant that always names the same user would go to one executor.
    @Test func aUserCountsOnlyIfTheTenantHasSeveral() throws {
        let pool = ExecutorPoolTests.pool(4, .prefix)
        func ask(user: UInt64, tenant: UInt64) throws -> (executor: Int, placement: Placement) {
            let chosen = try Self.choose(
                pool,
                Self.request([], session: SessionName(hash: user, tenantOfUser: tenant))
            )
            Self.end(pool, chosen)
            return chosen
        }
        for _ in 0..<8 { #expect(try ask(user: 1, tenant: 10).placement.reason == .load) }
        _ = try ask(user: 2, tenant: 10)
        let home = try ask(user: 2, tenant: 10)
        #expect(home.placement.reason == .session)
        _ = try ask(user: 1, tenant: 10)
        #expect(try ask(user: 1, tenant: 10).placement.reason == .session)
        for _ in 0..<4 { #expect(try ask(user: 3, tenant: 11).placement.reason == .load, "tenants differ") }
    }

    /// A pool whose configured balance is `least-load` sends requests of one session to different executors.
    @Test func otherBalancesDoNotLookAtSessions() throws {
        let pool = ExecutorPoolTests.pool(4, .leastLoad)
        let session = SessionName(hash: 5)
        var seen: Set<Int> = []
        for _ in 0..<8 { seen.insert(try Self.choose(pool, Self.request([], session: session)).executor) }
        #expect(seen.count == 4)
    }

    // MARK: Failures

    /// If an executor refuses a request, the pool no longer assumes that the executor has cached the prompt.
    @Test func aRefusedPromptIsTakenBack() throws {
        let pool = ExecutorPoolTests.pool(2, .prefix)
        let first = try Self.choose(pool, [1, 2, 3])
        pool.takeBack(PlacementMapTests.prefix([1, 2, 3]), first.placement, of: pool.executors[first.executor])
        Self.end(pool, first)
        let next = try Self.choose(pool, [1, 2, 3])
        #expect(next.placement.reason == .load && next.placement.believedBytes == 0)
    }

    // MARK: Stored responses

    /// A request that continues an earlier response (`previous_response_id`) goes to the executor that stored the
    /// response, with any balance.
    @Test(arguments: [Balance.leastLoad, .prefix, .roundRobin])
    func aResponseIsContinuedByItsMaker(balance: Balance) throws {
        let pool = ExecutorPoolTests.pool(4, balance)
        pool.made(response: 42, by: pool.executors[2])
        for _ in 0..<8 {
            let chosen = try Self.choose(pool, Self.request([], response: 42))
            #expect(chosen.executor == 2 && chosen.placement.reason == .response)
        }
        #expect(pool.executors[2].running == 8)
        let unknown = try Self.choose(pool, Self.request([], response: 43))
        #expect(unknown.executor != 2 && unknown.placement.reason == .load)
        var tried = Self.request([], response: 42)
        tried.tried = [2]
        #expect(try Self.choose(pool, tried).executor != 2)
    }

    /// A request that continues an earlier response (`previous_response_id`) waits for the executor that stored the
    /// response, even while other executors are free.
    ///
    /// Later requests do not wait behind it.
    @Test func aResponseWaitsForItsMaker() throws {
        let pool = ExecutorPoolTests.pool(2, max: 1)
        let (granted, waits) = (Granted(), Waits())
        pool.made(response: 42, by: pool.executors[0])
        let running = try Self.choose(pool, Self.request([], response: 42))
        func admit(_ name: String, _ request: RoutingRequest) -> ExecutorPool.Admission {
            waits.noting(
                pool.admit(request, waitMax: 9 * Self.second, queueMax: 9, at: Self.second) { granted.take(name, $0) },
                in: pool
            )
        }
        guard case .waiting = admit("continued", Self.request([], response: 42)) else {
            Issue.record("it has to wait for its maker")
            return
        }
        guard case .executor(let free, _) = admit("other", Self.request([])) else {
            Issue.record("the other executor is free")
            return
        }
        #expect(free.id == 1)
        guard case .waiting = admit("behind", Self.request([])) else {
            Issue.record("both executors are full")
            return
        }
        pool.release(free, began: 0, at: Self.second)
        #expect(granted.order == ["behind"] && granted.grants.map(\.executor.id) == [1])
        pool.release(pool.executors[running.executor], began: 0, at: Self.second)
        #expect(granted.order == ["behind", "continued"] && granted.grants.map(\.executor.id) == [1, 0])
    }

    /// A request that continues an earlier response goes to any executor if the one that stored the response was
    /// restarted or ejected, because the response is lost then.
    @Test func aLostMakerIsNotWaitedFor() throws {
        let pool = ExecutorPoolTests.pool(2, max: 1)
        pool.made(response: 42, by: pool.executors[0])
        pool.executors[0].engine.availability.change { health, _ in
            for _ in 0..<10 { health.failed(at: 1) }
        }
        #expect(try Self.choose(pool, Self.request([], response: 42)).executor == 1)
    }
}
