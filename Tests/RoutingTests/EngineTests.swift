import Synchronization
import Testing

@testable import Routing

/// What the executors of one engine share across pools, and what each executor has to itself.
@Suite struct EngineTests {
    private let second: UInt64 = 1_000_000_000

    /// One engine with several models, each with its own pool.
    private final class House {
        let engine: Engine
        let pools: [ExecutorPool]
        let granted = Granted()
        private let waits = Waits()

        init(_ models: Int, runningMax: Int? = nil, isShared: Bool = true, ownMax: [Int?] = []) {
            let engine = Engine(id: 1, name: "http://e", runningMax: runningMax, modelsShareCapacity: isShared)
            self.engine = engine
            pools = (0..<models).map { number in
                let executor = Executor(id: 10 + number, engine: engine, model: "m\(number)")
                let member = PoolMember(executor, runningMax: ownMax.isEmpty ? nil : ownMax[number])
                return ExecutorPool(PoolEntry(id: 100 + number), members: [member])
            }
        }

        func wait(_ name: String, in pool: Int, at now: UInt64 = 0) -> ExecutorPool.Admission {
            let (pool, granted) = (pools[pool], granted)
            let request = RoutingRequest(tenant: "t")
            let admission = pool.admit(request, waitMax: 8_000_000_000, queueMax: 100, at: now) { grant in
                granted.take(name, grant)
            }
            return waits.noting(admission, in: pool)
        }
        func release(_ pool: Int, at now: UInt64 = 0) { pools[pool].release(pools[pool].executors[0], at: now) }
    }

    @Test func whenItWasHeardLastIsKnownToATenthOfASecond() {
        let engine = Engine(id: 1, name: "http://e")
        #expect(engine.lastHeard == 0)
        engine.heard(at: 50)
        engine.heard(at: 50 + Engine.heardStep - 1)
        #expect(engine.lastHeard == 50)
        engine.heard(at: 50 + Engine.heardStep)
        #expect(engine.lastHeard == 50 + Engine.heardStep)
        // An earlier time, from the slower clock of another worker, does not move `lastHeard` back.
        engine.heard(at: 40)
        #expect(engine.lastHeard == 50 + Engine.heardStep)
    }

    // MARK: Limits

    @Test func theEnginesLimitIsHeldOverAllPools() {
        let house = House(2, runningMax: 3)
        #expect(house.wait("a", in: 0).isExecutor && house.wait("b", in: 0).isExecutor)
        #expect(house.wait("c", in: 1).isExecutor)
        #expect(house.wait("d", in: 0).ticket != nil && house.wait("e", in: 1).ticket != nil)
        #expect(house.engine.running == 3 && house.pools.map { $0.executors[0].running } == [2, 1])
    }

    @Test func aMembersOwnLimitIsThatOfThePair() {
        let house = House(2, runningMax: 3, ownMax: [1, 3])
        #expect(house.wait("a", in: 0).isExecutor && house.wait("b", in: 0).ticket != nil)
        #expect(house.wait("c", in: 1).isExecutor && house.wait("d", in: 1).isExecutor)
        #expect(house.wait("e", in: 1).ticket != nil)
    }

    /// Threads of several pools request slots at once; the engine's limit is never exceeded.
    @Test func noTwoPoolsTakeOnePlace() async {
        let house = House(4, runningMax: 5)
        let (engine, pools) = (house.engine, house.pools)
        let most = Most()
        await withTaskGroup(of: Void.self) { group in
            for pool in pools {
                group.addTask {
                    for _ in 0..<2000 {
                        guard case .executor(let executor, _) = pool.choose(at: 0) else { continue }
                        most.see(engine.running)
                        pool.release(executor, at: 0)
                    }
                }
            }
        }
        #expect(most.value <= 5 && engine.running == 0)
    }

    private final class Most: Sendable {
        private let seen = Mutex(0)
        var value: Int { seen.withLock { $0 } }
        func see(_ value: Int) { seen.withLock { $0 = max($0, value) } }
    }

    // MARK: Waiting

    @Test func aPlaceThatComesFreeIsForTheWaitersOfAllPools() {
        let house = House(2, runningMax: 1)
        #expect(house.wait("a", in: 0).isExecutor)
        #expect(house.wait("b", in: 1).ticket != nil)
        house.release(0)
        #expect(house.granted.order == ["b"] && house.pools[1].executors[0].running == 1)
    }

    @Test func noPoolStarvesAnother() {
        let house = House(3, runningMax: 1)
        #expect(house.wait("first", in: 0).isExecutor)
        for number in 0..<4 {
            for pool in 0..<3 { #expect(house.wait("\(pool)\(number)", in: pool).ticket != nil) }
        }
        var holder = 0
        for _ in 0..<12 {
            house.release(holder)
            holder = Int(String(house.granted.order.last!.first!))!
        }
        let firstNine = house.granted.order.prefix(9).map { $0.first! }
        for pool in "012" { #expect(firstNine.count { $0 == pool } == 3, "\(house.granted.order)") }
        #expect(house.granted.order.count == 12)
    }

    @Test func whoWaitsForNothingIsForgotten() {
        let house = House(2, runningMax: 1)
        _ = house.wait("a", in: 0)
        let ticket = house.wait("b", in: 1).ticket!
        #expect(house.pools[1].leave(ticket))
        house.release(0)
        #expect(house.granted.order.isEmpty && house.engine.running == 0)
    }

    // MARK: What is learnt

    @Test func refusalsTeachTheEngineWhereItsModelsShareIt() {
        let house = House(2)
        for name in ["a", "b", "c"] { #expect(house.wait(name, in: 0).isExecutor) }
        house.pools[0].report(.busy(nil), of: house.pools[0].executors[0], at: 0)
        house.release(0)
        #expect(house.wait("d", in: 1).ticket != nil, "two run, and two are what it takes")
    }

    @Test func refusalsTeachThePairElsewhere() {
        let house = House(2, isShared: false)
        for name in ["a", "b", "c"] { #expect(house.wait(name, in: 0).isExecutor) }
        house.pools[0].report(.busy(5 * second), of: house.pools[0].executors[0], at: 0)
        house.release(0)
        #expect(house.wait("d", in: 0).ticket != nil && house.wait("e", in: 1).isExecutor)
    }

    @Test func loadIsTheEnginesWhereItsModelsShareIt() {
        for isShared in [true, false] {
            let busy = Engine(id: 1, name: "busy", modelsShareCapacity: isShared)
            let other = Executor(id: 2, engine: busy, model: "other")
            let members = [
                PoolMember(Executor(id: 3, engine: busy, model: "m")),
                PoolMember(Executor(id: 5, engine: Engine(id: 4, name: "free"), model: "m")),
            ]
            for _ in 0..<20 { other.attemptBegan(promptBytes: 0) }
            let pool = ExecutorPool(PoolEntry(id: 6), members: members)
            for _ in 0..<20 { _ = pool.chosen() }
            #expect(pool.executors.map(\.running) == (isShared ? [0, 20] : [10, 10]))
        }
    }

    // MARK: Faults

    private func fail(_ house: House, _ scope: FaultScope, at now: UInt64 = 0) -> [Bool] {
        // Each pool gets a second executor, because a pool does not eject its only executor.
        let spare = Executor(id: 90, engine: Engine(id: 91, name: "spare"), model: "m")
        let pools = house.pools.enumerated().map { number, pool in
            ExecutorPool(PoolEntry(id: 200 + number), members: pool.members + [PoolMember(spare)])
        }
        for _ in 0..<3 { pools[0].report(.fault(scope), of: house.pools[0].executors[0], at: now) }
        return pools.map { $0.statuses(at: now)[0].isUsable }
    }

    @Test func aConnectionThatFailsIsTheEnginesFault() {
        #expect(fail(House(2, isShared: false), .connection) == [false, false])
    }

    @Test func anAnswerThatIsAFailureIsThePairsFault() {
        #expect(fail(House(2, isShared: true), .answer) == [false, true])
    }

    @Test func silenceIsTheEnginesFaultWhereItsModelsShareIt() {
        #expect(fail(House(2, isShared: true), .timeout) == [false, false])
        #expect(fail(House(2, isShared: false), .timeout) == [false, true])
    }

    @Test func oneRequestOfAllPoolsTriesAnEngine() {
        let engine = Engine(id: 1, name: "http://e")
        let pools = (0..<2).map { number in
            let spare = Executor(id: 20 + number, engine: Engine(id: 30 + number, name: "spare"), model: "m")
            let executor = Executor(id: 10 + number, engine: engine, model: "m\(number)")
            return ExecutorPool(PoolEntry(id: 100 + number), members: [PoolMember(executor), PoolMember(spare)])
        }
        for _ in 0..<3 { pools[0].report(.fault(.connection), of: pools[0].executors[0], at: 0) }
        #expect(pools[1].chosen(at: 1) == 21)
        #expect(pools[1].chosen(at: 4 * second) == 11 && pools[0].chosen(at: 4 * second) == 20)
        pools[1].report(.good, of: pools[1].executors[0], at: 5 * second)
        #expect(pools.allSatisfy { $0.health(of: $0.executors[0]) == .healthy })
    }

    /// If the request that tests an ejected engine gets a 500 response, the engine can be reached, and is healthy
    /// again.
    @Test func anAnswerEndsTheTrialOfTheEngine() {
        let engine = Engine(id: 1, name: "http://e")
        let executor = Executor(id: 2, engine: engine, model: "m")
        let spare = Executor(id: 3, engine: Engine(id: 4, name: "spare"), model: "m")
        let pool = ExecutorPool(PoolEntry(id: 5), members: [PoolMember(executor), PoolMember(spare)])
        for _ in 0..<3 { pool.report(.fault(.connection), of: executor, at: 0) }
        #expect(pool.chosen(at: 4 * second) == 2)
        pool.report(.fault(.answer), of: executor, at: 4 * second)
        #expect(engine.health == .healthy && executor.health == .healthy)
    }

    @Test func theOnlyEngineOfAPoolIsNotAskedWhileItsProbesFindItDead() {
        let house = House(1)
        for _ in 0..<5 { house.engine.report(.failed, rise: 2, fall: 3, at: 0) }
        #expect(house.engine.health != .healthy && house.pools[0].chosen(at: 1) == nil)
    }
}
