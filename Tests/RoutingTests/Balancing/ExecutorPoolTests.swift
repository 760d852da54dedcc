import Testing

@testable import Routing

/// Which executor of a pool is chosen for a request.
@Suite struct ExecutorPoolTests {
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

    /// The turns of members with a small weight are spread among those of members with a large weight.
    @Test(arguments: [
        ([5, 1, 1, 1, 1], [0, 0, 1, 0, 2, 0, 3, 0, 4]), ([3, 1], [0, 0, 0, 1]), ([1, 3], [0, 1, 1, 1]),
        ([2, 2, 4], [0, 2, 1, 2, 0, 2, 1, 2]),
    ]) func turnsAreEvenlyInterleaved(weights: [Int], order: [Int]) {
        let pool = Self.pool(weights.count, .roundRobin, weights: weights)
        let rounds = (0..<3).map { _ in order.map { _ in pool.chosen() } }
        for round in rounds { #expect(round.sorted { $0! < $1! } == order.sorted()) }
        #expect(rounds[0] == order)
    }

    /// Each member of a pool gets exchanges in proportion to its weight, with any balance and concurrency.
    @Test(arguments: [Balance.leastLoad, .roundRobin, .weighted], [1, 2, 3, 4, 7, 40])
    func exchangesAreSharedByWeight(balance: Balance, atOnce: Int) {
        for weights in [[1, 0, 0], [3, 1], [0, 5], [1, 1, 1], [2, 3, 5], [10, 1, 1, 0]] {
            let pool = Self.pool(weights.count, balance, weights: weights)
            var running: [Int] = []
            var counts = weights.map { _ in 0 }
            for _ in 0..<1200 {
                if running.count == atOnce { pool.release(pool.executors[running.removeFirst()], at: 0) }
                let chosen = pool.chosen()!
                running.append(chosen)
                counts[chosen] += 1
            }
            for (count, weight) in zip(counts, weights) {
                let expected = 1200 * weight / weights.reduce(0, +)
                #expect(abs(count - expected) <= (weight == 0 ? 0 : 2), "\(weights): \(counts)")
            }
        }
    }

    /// The second executor needs four times as long for an attempt as the first one.
    ///
    /// At any time each runs at most half of the ten attempts, so the first one completes about four times as many.
    @Test func aSlowExecutorGetsWhatItWorksOff() {
        let pool = Self.pool(2, weights: [1, 1])
        var ends: [(at: Int, executor: Int)] = []
        var counts = [0, 0]
        for step in 0..<4000 {
            for end in ends where end.at == step { pool.release(pool.executors[end.executor], at: 0) }
            ends.removeAll { $0.at == step }
            guard ends.count < 10, let chosen = pool.chosen() else { continue }
            counts[chosen] += 1
            ends.append((step + (chosen == 0 ? 10 : 40), chosen))
            #expect(pool.executors.allSatisfy { $0.running <= 5 })
        }
        #expect(counts[0] > 3 * counts[1] && counts[0] < 5 * counts[1], "\(counts)")
    }

    /// Of all executors the one with the shortest waiting prompts is chosen, not any one that is below the mean.
    @Test func theLeastOfAllIsChosen() {
        let pool = Self.pool(8)
        for (index, kilobytes) in [40, 30, 12, 400, 9, 80, 20, 50].enumerated() {
            pool.executors[index].attemptBegan(promptBytes: kilobytes << 10)
        }
        #expect(pool.chosen() == 4)
        pool.executors[4].attemptBegan(promptBytes: 20 << 10)
        #expect(pool.chosen() == 2)
        // A prompt of 4 KiB counts as much as a running stream, and it counts until its answer begins.
        pool.executors[3].promptDone(bytes: 400 << 10)
        #expect(pool.chosen() == 3)
    }

    /// A member of weight 0 is not chosen, even if the other members are full or faulty.
    @Test(arguments: [Balance.leastLoad, .roundRobin, .weighted])
    func anExecutorWithoutWeightGetsNone(balance: Balance) {
        let pool = Self.pool(3, balance, weights: [1, 0, 0], max: 1)
        #expect(pool.chosen() == 0 && pool.isFull())
        pool.release(pool.executors[0], at: 0)
        #expect(pool.chosen(excluding: [0]) == nil)
        for _ in 0..<3 { pool.report(.fault(.answer), of: pool.executors[0], at: 0) }
        #expect(pool.chosen(at: 1) == 0, "it is alone, so it is used though it is bad")
    }

    @Test(arguments: [Balance.leastLoad, .roundRobin, .weighted])
    func everyBalanceBringsBackSlowly(balance: Balance) {
        let second: UInt64 = 1_000_000_000
        let pool = Self.pool(2, balance)
        func share(of executor: Int, at now: UInt64) -> Int {
            (0..<220).count { _ in
                let chosen = pool.chosen(at: now)!
                pool.release(pool.executors[chosen], at: now)
                return chosen == executor
            }
        }
        #expect(share(of: 0, at: 0) == 110)
        for _ in 0..<3 { pool.report(.fault(.connection), of: pool.executors[0], at: 0) }
        #expect(share(of: 0, at: second) == 0)
        #expect(pool.chosen(at: 4 * second) == 0, "one request tries it")
        pool.report(.good, of: pool.executors[0], at: 4 * second)
        pool.release(pool.executors[0], at: 4 * second)
        #expect((18...22).contains(share(of: 0, at: 4 * second)), "a tenth against one")
        #expect((72...75).contains(share(of: 0, at: 9 * second)), "half against one")
        #expect((109...111).contains(share(of: 0, at: 14 * second)))
    }

    /// An executor that could not be chosen for a while is not chosen more often afterwards to make up for it.
    @Test(arguments: [Balance.leastLoad, .roundRobin])
    func whoWasMissingHasOneTurnAtOnce(balance: Balance) {
        let pool = Self.pool(3, balance)
        var order: [Int] = []
        for tried in [[], [2], []] {
            for _ in 0..<30 {
                let chosen = pool.chosen(excluding: tried)!
                pool.release(pool.executors[chosen], at: 0)
                order.append(chosen)
            }
        }
        #expect((10...11).contains(order[60...].count { $0 == 2 }), "\(order)")
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
        guard case .executor(let busy, _) = pool.choose(RoutingRequest(promptBytes: 1 << 20), at: 0) else { return }
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

    /// The id of the chosen executor; nil if none can be chosen.
    func chosen(excluding tried: [Int] = [], at now: UInt64 = 0) -> Int? {
        guard case .executor(let executor, _) = choose(RoutingRequest(tried: tried), at: now) else { return nil }
        return executor.id
    }
    func isFull(at now: UInt64 = 0) -> Bool {
        if case .full = choose(at: now) { return true }
        return false
    }
}
