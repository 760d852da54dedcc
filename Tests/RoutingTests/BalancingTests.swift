import Testing

@testable import Routing

/// Which executor of a pool takes a request.
@Suite struct BalancingTests {
    static func pool(_ count: Int, _ balance: Balance = .leastLoad, weights: [Int] = [], max: Int? = nil)
        -> ExecutorPool
    {
        ExecutorPool(
            PoolEntry(id: 1),
            members: (0..<count).map {
                PoolMember(
                    Executor(id: $0, engine: Engine(id: 100 + $0, name: "http://\($0)"), model: "m"),
                    weight: weights.isEmpty ? 1 : weights[$0],
                    runningMax: max
                )
            },
            balance: balance
        )
    }

    @Test func roundRobinTakesTurns() {
        let pool = Self.pool(3, .roundRobin)
        #expect((0..<7).map { _ in pool.chosen() } == [0, 1, 2, 0, 1, 2, 0])
        #expect(pool.chosen(excluding: [1]) == 2 && pool.chosen(excluding: [1]) == 0)
    }

    @Test func weightsAreKeptAndInterleaved() {
        let pool = Self.pool(3, .weighted, weights: [5, 1, 0])
        let chosen = (0..<12).map { _ in pool.chosen()! }
        #expect(chosen.count { $0 == 0 } == 10 && chosen.count { $0 == 1 } == 2)
        #expect(chosen[0..<6].contains(1) && chosen[6..<12].contains(1), "evenly, not the light one last")
    }

    @Test func leastLoadEvensOutWhatRuns() {
        let pool = Self.pool(2)
        for _ in 0..<100 { _ = pool.chosen() }
        #expect(pool.executors.map(\.running) == [50, 50])
        for _ in 0..<30 { pool.executors[0].attemptEnded() }
        for _ in 0..<30 { _ = pool.chosen() }
        #expect(pool.executors.map(\.running) == [50, 50])
    }

    @Test func promptsThatWaitAreLoad() {
        let pool = Self.pool(2)
        guard case .executor(let busy) = pool.choose(RoutingRequest(promptBytes: 1 << 20), at: 0) else { return }
        let others = (0..<20).map { _ in pool.chosen()! }
        #expect(others.allSatisfy { $0 != busy.id })
        busy.promptDone(bytes: 1 << 20)
        #expect((0..<20).map { _ in pool.chosen()! }.contains(busy.id))
    }

    @Test func weightDividesLoad() {
        let pool = Self.pool(2, weights: [3, 1])
        for _ in 0..<80 { _ = pool.chosen() }
        #expect(pool.executors.map(\.running) == [60, 20])
    }

    @Test func manyExecutorsAllGetSome() {
        let pool = Self.pool(8)
        for _ in 0..<800 { _ = pool.chosen() }
        #expect(pool.executors.allSatisfy { (80...120).contains($0.running) })
    }

    @Test func whatIsFullIsLeftOut() {
        let pool = Self.pool(2, max: 2)
        for _ in 0..<4 { #expect(pool.chosen() != nil) }
        #expect(pool.isFull())
        pool.executors[1].attemptEnded()
        #expect(pool.chosen() == 1)
    }

    @Test func whatWasTriedIsLeftOut() {
        let pool = Self.pool(3)
        #expect(pool.chosen(excluding: [0, 2]) == 1)
        guard case .none = pool.choose(RoutingRequest(tried: [0, 1, 2]), at: 0) else {
            Issue.record("there is no other")
            return
        }
        guard case .none = Self.pool(0).choose(at: 0) else {
            Issue.record("an empty pool has none")
            return
        }
    }
}

extension ExecutorPool {
    var executors: [Executor] { members.map(\.executor) }

    func health(of executor: Executor) -> ExecutorHealth.State { executor.health }

    func report(_ probe: ExecutorHealth.Probe, of executor: Executor, rise: Int, fall: Int, at now: UInt64) {
        let engine = executor.engine
        engine.report(probe, rise: rise, fall: fall, at: now)
    }

    /// The id of the one that is chosen.
    func chosen(excluding tried: [Int] = [], at now: UInt64 = 0) -> Int? {
        guard case .executor(let executor) = choose(RoutingRequest(tried: tried), at: now) else { return nil }
        return executor.id
    }
    func isFull(at now: UInt64 = 0) -> Bool {
        if case .full = choose(at: now) { return true }
        return false
    }
}
