import Testing

@testable import Routing

/// Which executors requests wait for because their models load, and when such a wait ends.
@Suite final class EngineLoadingTests {
    private let second: UInt64 = 1_000_000_000
    private let waits = Waits()

    private func request(_ loadWait: UInt64 = 60_000_000_000) -> RoutingRequest {
        var request = RoutingRequest(tenant: "t", promptBytes: 100)
        request.loadWait = loadWait
        return request
    }
    private func word(_ pool: ExecutorPool, _ request: RoutingRequest? = nil, at now: UInt64) -> String {
        switch pool.choose(request ?? self.request(), at: now) {
        case .executor(let executor, _):
            executor.attemptEnded()
            return "\(executor.id)"
        case .full: return "full"
        case .loading: return "loading"
        case .none: return "none"
        }
    }
    private func probe(_ pool: ExecutorPool, _ probe: ExecutorHealth.Probe, _ index: Int = 0, at now: UInt64) {
        let engine = pool.executors[index].engine
        let wasLoading = engine.isLoading
        engine.report(probe, rise: 2, fall: 3, at: now)
        if wasLoading, probe == .passed { pool.executors[index].engineHasLoaded() }
    }

    // MARK: By probes

    @Test func probesSayThatAModelLoads() {
        let pool = ExecutorPoolTests.pool(1)
        probe(pool, .notReady, at: second)
        #expect(word(pool, at: second) == "loading" && pool.executors[0].engine.isLoading)
        #expect(word(pool, at: 500 * second) == "loading", "however long it takes")
        #expect(word(pool, request(0), at: second) == "0", "a request that does not wait is told by the engine")
        probe(pool, .passed, at: 501 * second)
        #expect(word(pool, at: 501 * second) == "0" && !pool.executors[0].engine.isLoading)
    }

    @Test func anotherThatIsReadyIsTaken() {
        let pool = ExecutorPoolTests.pool(2, max: 1)
        probe(pool, .notReady, at: second)
        #expect(word(pool, at: second) == "1")
        #expect(pool.executors[1].begin(promptBytes: 0, runningMax: 1, evenIfBad: false, at: second))
        #expect(word(pool, at: second) == "full", "a busy one is waited for as ever")
    }

    @Test func oneThatDiesWhileItLoadsIsDead() {
        let pool = ExecutorPoolTests.pool(1)
        probe(pool, .notReady, at: second)
        for round in 0..<3 { probe(pool, .failed, at: UInt64(2 + round) * second) }
        #expect(word(pool, at: 5 * second) == "none")
    }

    // MARK: By answers

    @Test func anAnswerThatSaysSoLetsOneRequestTryEachSecond() {
        let pool = ExecutorPoolTests.pool(1)
        let executor = pool.executors[0]
        pool.report(.loading, of: executor, at: second)
        #expect(word(pool, at: second) == "loading" && word(pool, at: 2 * second - 1) == "loading")
        guard case .executor = pool.choose(request(), at: 2 * second) else {
            Issue.record("one may try")
            return
        }
        #expect(word(pool, at: 2 * second) == "loading" && word(pool, at: 30 * second) == "loading", "and only one")
        pool.report(.loading, of: executor, at: 31 * second)
        #expect(word(pool, at: 31 * second) == "loading" && word(pool, at: 32 * second) == "0")
        pool.report(.good, of: executor, at: 33 * second)
        #expect(word(pool, at: 33 * second) == "0" && word(pool, at: 33 * second) == "0")
        #expect(executor.health == .healthy && executor.learntLimit(at: 33 * second) == nil)
    }

    @Test func aTrialWhoseClientLeavesIsTriedAgainAtOnce() {
        let pool = ExecutorPoolTests.pool(1)
        pool.report(.loading, of: pool.executors[0], at: second)
        guard case .executor(let executor, _) = pool.choose(request(), at: 2 * second) else { return }
        executor.attemptEnded()
        pool.report(.neither, of: executor, at: 3 * second)
        #expect(word(pool, at: 3 * second) == "0")
    }

    @Test func aFaultEndsTheLoadingAndCounts() {
        let pool = ExecutorPoolTests.pool(1)
        let executor = pool.executors[0]
        pool.report(.loading, of: executor, at: second)
        for _ in 0..<3 { pool.report(.fault(.answer), of: executor, at: 2 * second) }
        #expect(executor.isEjectedAlone && !executor.awaitsLoad(for: 60 * second, at: 2 * second))
    }

    @Test func aLoadingModelIsNotTheEnginesOthers() {
        let engine = Engine(id: 1, name: "http://e")
        let executors = [Executor(id: 0, engine: engine, model: "a"), Executor(id: 1, engine: engine, model: "b")]
        let pools = executors.map { ExecutorPool(PoolEntry(id: $0.id), members: [PoolMember($0)]) }
        pools[0].report(.loading, of: executors[0], at: second)
        #expect(word(pools[0], at: second) == "loading" && word(pools[1], at: second) == "1")
    }

    // MARK: By refused connections

    private func starting() -> ExecutorPool {
        let pool = ExecutorPoolTests.pool(1)
        pool.executors[0].engine.update(runningMax: nil, kind: .vllm)
        return pool
    }

    @Test func anEngineThatWasNeverUpMayBeStarting() {
        let pool = starting()
        let engine = pool.executors[0].engine
        engine.refused(at: second)
        #expect(word(pool, at: second) == "loading")
        for _ in 0..<3 {
            engine.refused(at: 2 * second)
            probe(pool, .failed, at: 2 * second)
        }
        #expect(engine.isDead && word(pool, at: 60 * second) == "loading")
        #expect(word(pool, at: 61 * second) == "none", "after load_wait it is dead")
        #expect(word(pool, request(120 * second), at: 61 * second) == "loading")
        engine.heard(at: 62 * second)
        probe(pool, .passed, at: 62 * second)
        #expect(word(pool, at: 62 * second) == "0", "its first answer is enough")
        // This process has already had an answer of the engine, so a refused connection no longer means that the engine
        // is starting.
        engine.refused(at: 70 * second)
        #expect(word(pool, at: 70 * second) == "0" && !engine.isLoading)
    }

    @Test func anyOtherThatRefusesIsNotThere() {
        let pool = ExecutorPoolTests.pool(1)
        pool.executors[0].engine.refused(at: second)
        #expect(word(pool, at: second) == "0" && !pool.executors[0].engine.isLoading)
        let inherited = starting()
        let engine = inherited.executors[0].engine
        engine.restore(AvailabilityRecord(), at: second)
        engine.refused(at: second)
        #expect(!engine.isLoading, "the process before this one has seen it")
    }

    // MARK: Waiting

    private func wait(
        _ name: String,
        in pool: ExecutorPool,
        _ granted: Granted,
        awaitsLoad: Bool = true,
        queueMax: Int = 10,
        at now: UInt64
    ) -> ExecutorPool.Admission {
        let admission = pool.admit(
            request(),
            waitMax: 8 * second,
            queueMax: queueMax,
            awaitsLoad: awaitsLoad,
            at: now
        ) { granted.take(name, $0) }
        return waits.noting(admission, in: pool)
    }

    @Test func whoWaitsIsServedAtOnceWhenTheModelIsLoaded() {
        let (pool, granted) = (ExecutorPoolTests.pool(1, max: 2), Granted())
        probe(pool, .notReady, at: second)
        guard case .loading = wait("a", in: pool, granted, awaitsLoad: false, at: second) else {
            Issue.record("the caller decides whether it waits")
            return
        }
        for name in ["a", "b", "c"] { #expect(wait(name, in: pool, granted, at: second).ticket != nil) }
        guard case .refused = wait("d", in: pool, granted, queueMax: 3, at: second) else {
            Issue.record("the queue is limited")
            return
        }
        pool.pump(at: 2 * second)
        #expect(granted.order.isEmpty)
        probe(pool, .passed, at: 3 * second)
        pool.executors[0].engine.pump(at: 3 * second)
        #expect(granted.order == ["a", "b"] && pool.waitingCount == 1)
    }

    @Test func theFirstAnswerLetsTheOthersFollow() {
        let (pool, granted) = (ExecutorPoolTests.pool(1), Granted())
        pool.report(.loading, of: pool.executors[0], at: second)
        for name in ["a", "b", "c"] { #expect(wait(name, in: pool, granted, at: second).ticket != nil) }
        pool.pump(at: 2 * second)
        #expect(granted.order == ["a"])
        pool.pump(at: 5 * second)
        #expect(granted.order == ["a"])
        pool.report(.good, of: pool.executors[0], at: 6 * second)
        #expect(granted.order == ["a", "b", "c"])
    }
}
