// How a large pool chooses an executor: it compares only a few random executors, and not all of them.
import Testing
import Transport

@testable import Routing

@Suite struct ExecutorPoolSamplingTests {
    private static let second: Nanoseconds = 1_000_000_000

    private static func request(_ blocks: [Int] = []) -> RoutingRequest {
        var request = RoutingRequest(promptBytes: blocks.count * PromptPrefix.step)
        request.prefix = PlacementMapTests.prefix(blocks)
        return request
    }

    private static func choose(_ pool: ExecutorPool, _ blocks: [Int] = []) throws -> Executor {
        guard case .executor(let executor, let placement) = pool.choose(request(blocks), at: second) else {
            throw NoExecutor()
        }
        executor.promptDone(bytes: placement.missingBytes)
        return executor
    }

    private struct NoExecutor: Error {}

    @Test func onlyLargePoolsByLoadAreSampled() {
        #expect(!ExecutorPoolTests.pool(64).asksSome && ExecutorPoolTests.pool(65).asksSome)
        #expect(!ExecutorPoolTests.pool(200, .roundRobin).asksSome && ExecutorPoolTests.pool(200, .prefix).asksSome)
    }

    /// A large pool compares the load of only two random executors, and the load is nearly even nevertheless.
    @Test(arguments: [Balance.leastLoad, .prefix]) func theLoadIsNearlyEven(balance: Balance) throws {
        let pool = ExecutorPoolTests.pool(200, balance)
        for _ in 0..<4000 { _ = try Self.choose(pool) }
        let running = pool.executors.map(\.running)
        #expect(running.reduce(0, +) == 4000)
        #expect(running.max()! <= 24 && running.min()! >= 14, "\(running.min()!) to \(running.max()!), mean 20")
    }

    /// While the pool is idle, executors get requests in proportion to their weights.
    @Test func anIdlePoolIsSharedByWeight() throws {
        let weights = (0..<100).map { $0 < 50 ? 1 : 3 }
        let pool = ExecutorPoolTests.pool(100, weights: weights)
        var heavy = 0
        for _ in 0..<8000 {
            let executor = try Self.choose(pool)
            if executor.id >= 50 { heavy += 1 }
            pool.release(executor, began: 0, at: Self.second)
        }
        #expect((5700...6300).contains(heavy), "\(heavy) of 8000, expected 6000")
    }

    /// The executor that has the beginning of a prompt in its cache is chosen, however many executors the pool has.
    @Test func holdersAreAlwaysAsked() throws {
        let pool = ExecutorPoolTests.pool(500, .prefix)
        for conversation in 0..<50 {
            let first = try Self.choose(pool, [conversation, 1, 2])
            for turn in 3..<6 { #expect(try Self.choose(pool, [conversation] + Array(1...turn)).id == first.id) }
        }
    }

    /// If nearly all executors are full, the request finds the one that is not.
    @Test func theLastFreeExecutorIsFound() throws {
        let pool = ExecutorPoolTests.pool(300, max: 1)
        var seen: Set<Int> = []
        for _ in 0..<300 { seen.insert(try Self.choose(pool).id) }
        #expect(seen.count == 300)
        guard case .full = pool.choose(Self.request(), at: Self.second) else {
            Issue.record("the pool is full")
            return
        }
    }

    /// A request is not sent to an executor with weight 0, to an ejected one, or to one that it has tried before.
    @Test func executorsThatMayNotBeUsedAreNotDrawn() throws {
        let pool = ExecutorPoolTests.pool(100, weights: (0..<100).map { $0 % 10 == 0 ? 1 : 0 })
        for index in stride(from: 0, to: 60, by: 10) {
            pool.executors[index].engine.availability.change { health, _ in
                for _ in 0..<10 { health.failed(at: 1) }
            }
        }
        var request = Self.request()
        request.tried = [60]
        var seen: Set<Int> = []
        for _ in 0..<60 {
            guard case .executor(let executor, _) = pool.choose(request, at: 2) else { throw NoExecutor() }
            seen.insert(executor.id)
        }
        #expect(seen.isSubset(of: [0, 10, 20, 30, 40, 50, 70, 80, 90]) && seen.isSuperset(of: [70, 80, 90]))
        #expect(!seen.contains(60))
    }
}
