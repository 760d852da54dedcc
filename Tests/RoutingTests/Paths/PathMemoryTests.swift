import Testing

@testable import Routing

/// Tests that a pool learns from responses which paths of the API an executor has, and chooses executors accordingly.
@Suite final class PathMemoryTests {
    private let second: UInt64 = 1_000_000_000
    private let chat = PathSet(rawValue: 1), messages = PathSet(rawValue: 16)
    private let waits = Waits()

    private func request(_ path: PathSet, tenant: String = "t", usesBad: Bool = true) -> RoutingRequest {
        var request = RoutingRequest(tenant: tenant, promptBytes: 100)
        request.path = path
        request.usesBad = usesBad
        return request
    }

    private func pool(_ paths: [PathSet], max: Int? = nil) -> ExecutorPool {
        ExecutorPool(
            PoolEntry(id: 1),
            members: paths.enumerated().map { index, paths in
                let engine = Engine(id: 100 + index, name: "http://\(index)")
                return PoolMember(Executor(id: index, engine: engine, model: "m"), runningMax: max, paths: paths)
            }
        )
    }

    private func chosen(_ pool: ExecutorPool, _ request: RoutingRequest, at now: UInt64) -> Int? {
        guard case .executor(let executor, _) = pool.choose(request, at: now) else { return nil }
        executor.attemptEnded()
        return executor.id
    }

    @Test func aMemoryEndsAfterTenMinutes() {
        let memory = KeptMemory()
        #expect(!memory.lacks(messages, losses: 0, at: second))
        #expect(memory.isMissing(messages, losses: 0, at: second))
        #expect(memory.lacks(messages, losses: 0, at: 600 * second))
        #expect(!memory.lacks(chat, losses: 0, at: 600 * second))
        #expect(!memory.lacks(messages, losses: 0, at: 601 * second))
        // Each 404 begins the time anew in which the executor counts as lacking the path.
        #expect(memory.isMissing(messages, losses: 0, at: 700 * second))
        #expect(memory.isMissing(messages, losses: 0, at: 900 * second))
        #expect(memory.lacks(messages, losses: 0, at: 1499 * second))
        #expect(!memory.lacks(messages, losses: 0, at: 1500 * second))
    }

    @Test func anEjectionEndsAMemory() {
        let memory = KeptMemory()
        #expect(memory.isMissing(messages, losses: 2, at: second) && memory.isMissing(chat, losses: 2, at: second))
        #expect(memory.lacks(messages, losses: 2, at: second))
        #expect(!memory.lacks(messages, losses: 3, at: second) && !memory.lacks(chat, losses: 3, at: second))
    }

    @Test func whereAnAnswerHasComeA404IsTheRequests() {
        let memory = KeptMemory()
        memory.answered(chat, losses: 0, at: second)
        #expect(!memory.isMissing(chat, losses: 0, at: second) && !memory.lacks(chat, losses: 0, at: second))
        #expect(memory.isMissing(messages, losses: 0, at: second))
        // After an ejection (`losses` is 1 now) another engine may run at the address, so what was learnt does not
        // count.
        #expect(memory.isMissing(chat, losses: 1, at: second) && memory.lacks(chat, losses: 1, at: second))
        // After the second ejection (`losses` is 2) a success at the same path counts again.
        memory.answered(chat, losses: 2, at: second)
        #expect(!memory.isMissing(chat, losses: 2, at: second))
    }

    @Test func anAnswerEndsAMemory() {
        let memory = KeptMemory()
        #expect(memory.isMissing(chat, losses: 0, at: second))
        memory.answered(chat, losses: 0, at: second)
        #expect(!memory.lacks(chat, losses: 0, at: second))
    }

    @Test func aRequestWithoutAPathTeachesNothingAndGoesAnywhere() {
        let pool = pool([chat])
        #expect(!pool.executors[0].saidMissing([], at: 0))
        #expect(chosen(pool, request([]), at: 0) == 0)
    }

    @Test func aPathGoesToExecutorsThatHaveIt() {
        let pool = pool([chat, .all, chat])
        for _ in 0..<6 { #expect(chosen(pool, request(messages), at: second) == 1) }
        #expect(Set((0..<30).map { _ in chosen(pool, request(chat), at: second) }) == [0, 1, 2])
        #expect(pool.executors[1].saidMissing(messages, at: second))
        #expect(chosen(pool, request(messages), at: second) == nil)
        #expect(pool.pathCounts(messages, at: second) == (0, 1) && pool.pathCounts(chat, at: second) == (3, 0))
        #expect(chosen(pool, request(messages), at: 601 * second) == 1)
    }

    @Test func anEngineThatWasEjectedIsTriedAgain() {
        let pool = pool([.all])
        let executor = pool.executors[0]
        #expect(executor.saidMissing(messages, at: second) && chosen(pool, request(messages), at: second) == nil)
        for _ in 0..<3 { pool.report(.fault(.connection), of: executor, at: second) }
        #expect(chosen(pool, request(messages), at: 20 * second) == 0)
    }

    /// A pool uses unhealthy members if more than half of its members are unhealthy.
    ///
    /// Members whose engine lacks the path of the request do not count as members here.
    @Test func mercyCountsThoseThatHaveThePath() {
        let pool = pool([.all, chat, chat, chat])
        for _ in 0..<3 { pool.report(.fault(.timeout), of: pool.executors[0], at: second) }
        #expect(chosen(pool, request(messages), at: second) == 0)
        #expect(chosen(pool, request(messages, usesBad: false), at: second) == nil)
        #expect(chosen(pool, request(chat), at: second) != 0)
    }

    // MARK: The queue

    private func wait(
        _ name: String,
        _ path: PathSet,
        in pool: ExecutorPool,
        _ granted: Granted,
        tenant: String = "t",
        queueMax: Int = 1000
    ) -> ExecutorPool.Admission {
        let admission = pool.admit(request(path, tenant: tenant), waitMax: 8 * second, queueMax: queueMax, at: 0) {
            granted.take(name, $0)
        }
        return waits.noting(admission, in: pool)
    }

    @Test func aRequestForFullExecutorsBlocksNobodyWhoseExecutorsAreFree() {
        let (pool, granted) = (pool([.all, chat], max: 1), Granted())
        #expect(wait("m1", messages, in: pool, granted).isExecutor)
        #expect(wait("m2", messages, in: pool, granted).ticket != nil)
        #expect(wait("c1", chat, in: pool, granted).isExecutor, "the second executor is free")
        #expect(wait("c2", chat, in: pool, granted).ticket != nil)
        #expect(wait("m3", messages, in: pool, granted).ticket != nil)
        pool.release(pool.executors[1], at: second)
        #expect(granted.order == ["c2"], "m2 is before it, but cannot go there")
        pool.release(pool.executors[0], at: second)
        #expect(granted.order == ["c2", "m2"])
        pool.release(pool.executors[0], at: second)
        #expect(granted.order == ["c2", "m2", "m3"] && pool.waitingCount == 0)
    }

    @Test func tenantsStillTakeTurns() {
        let (pool, granted) = (pool([.all, chat], max: 1), Granted())
        for name in ["x", "y"] { #expect(wait(name, chat, in: pool, granted).isExecutor) }
        for index in 0..<4 { _ = wait("a\(index)", messages, in: pool, granted, tenant: "a") }
        for index in 0..<2 { _ = wait("b\(index)", messages, in: pool, granted, tenant: "b") }
        for index in 0..<2 { _ = wait("c\(index)", chat, in: pool, granted, tenant: "c") }
        for _ in 0..<2 { pool.release(pool.executors[1], at: second) }
        #expect(granted.order == ["c0", "c1"])
        for _ in 0..<6 { pool.release(pool.executors[0], at: second) }
        #expect(granted.order.dropFirst(2) == ["a0", "b0", "a1", "b1", "a2", "a3"])
    }

    @Test func theQueueIsAsLongAsBefore() {
        let (pool, granted) = (pool([.all, chat], max: 1), Granted())
        for name in ["x", "y"] { #expect(wait(name, chat, in: pool, granted).isExecutor) }
        #expect(wait("m1", messages, in: pool, granted, queueMax: 2).ticket != nil)
        #expect(wait("m2", messages, in: pool, granted, queueMax: 2).ticket != nil)
        guard case .refused = wait("m3", messages, in: pool, granted, queueMax: 2) else {
            Issue.record("there is room for two")
            return
        }
    }

    @Test func whoWaitsForAPathThatIsFoundMissingIsTold() {
        let (pool, granted) = (pool([.all, chat], max: 1), Granted())
        #expect(wait("m1", messages, in: pool, granted).isExecutor)
        #expect(wait("m2", messages, in: pool, granted).ticket != nil)
        #expect(pool.executors[0].saidMissing(messages, at: second))
        pool.release(pool.executors[0], at: second)
        #expect(granted.order.isEmpty && granted.withoutExecutor == ["m2"] && pool.waitingCount == 0)
    }
}

/// Holds a `PathMemory` in a class, because `#expect` cannot use a value that is not copyable.
private final class KeptMemory {
    private let memory = PathMemory()

    func lacks(_ paths: PathSet, losses: Int, at now: UInt64) -> Bool { memory.lacks(paths, losses: losses, at: now) }
    func isMissing(_ path: PathSet, losses: Int, at now: UInt64) -> Bool {
        memory.isMissing(path, losses: losses, at: now)
    }
    func answered(_ path: PathSet, losses: Int, at now: UInt64) { memory.answered(path, losses: losses, at: now) }
}
