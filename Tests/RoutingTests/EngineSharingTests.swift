// Several server processes, as in an upgrade, share the counts of running attempts at engines and executors.
import Glibc
import Synchronization
import Testing
import Transport

@testable import Routing

@Suite struct EngineSharingTests {
    private let second: UInt64 = 1_000_000_000

    /// The objects that one server process has for an engine with one model.
    private final class Process: Sendable {
        let counts: SharedCounts
        let engine: Engine
        let executor: Executor
        let pool: ExecutorPool

        init(_ counts: SharedCounts, engineMax: Int? = nil, ownMax: Int? = nil, isShared: Bool = true) {
            self.counts = counts
            engine = Engine(id: 1, name: "http://e", runningMax: engineMax, modelsShareCapacity: isShared)
            executor = Executor(id: 2, engine: engine, model: "m")
            pool = ExecutorPool(PoolEntry(id: 3), members: [PoolMember(executor, runningMax: ownMax)])
        }

        func share() {
            engine.share(in: counts)
            executor.share(in: counts)
        }

        func endSharing() {
            engine.share(in: nil)
            executor.share(in: nil)
        }

        func begin() -> Bool { pool.chosen() != nil }
        func end() { pool.release(executor, began: 0, at: 0) }
    }

    private func processes(
        engineMax: Int? = nil,
        ownMax: Int? = nil,
        isShared: Bool = true
    ) throws -> (old: Process, new: Process) {
        let table = try SharedCounts.create(rows: 256)
        let column = try #require(table.allot())
        let other = try SharedCounts.adopt(dup(table.descriptor), column: column)
        return (
            Process(table, engineMax: engineMax, ownMax: ownMax, isShared: isShared),
            Process(other, engineMax: engineMax, ownMax: ownMax, isShared: isShared)
        )
    }

    @Test(arguments: [(3, nil), (nil, 3)] as [(Int?, Int?)])
    func limitsHoldOverAllProcesses(engineMax: Int?, ownMax: Int?) throws {
        let (old, new) = try processes(engineMax: engineMax, ownMax: ownMax)
        #expect(old.begin() && old.begin())
        old.share()
        new.share()
        #expect(new.begin() && !new.begin() && !old.begin())
        #expect(new.engine.running == 1 && new.engine.runningInAll == 3 && new.executor.runningInAll == 3)
        old.end()
        #expect(new.begin() && !old.begin())
        old.end()
        new.end()
        new.end()
        #expect(old.engine.runningInAll == 0 && new.executor.runningInAll == 0)
        for process in [old, new] { #expect(process.engine.waitingBytesInAll == process.engine.waitingBytes) }
    }

    @Test func withoutSharingEachProcessHasTheWholeLimit() throws {
        let (old, new) = try processes(engineMax: 2)
        old.share()
        new.share()
        #expect(old.begin() && old.begin() && !new.begin())
        old.endSharing()
        new.endSharing()
        #expect(new.begin() && new.engine.runningInAll == 1)
    }

    @Test func aKilledProcessHoldsNoSlotAfterItsColumnIsCleared() throws {
        let (old, new) = try processes(engineMax: 2)
        old.share()
        new.share()
        #expect(old.begin() && old.begin() && !new.begin())
        new.counts.clear(old.counts.column)
        #expect(new.begin() && new.begin() && !new.begin())
    }

    @Test func aSlotThatAnotherProcessFreesGoesToAWaiterAtTheNextPump() throws {
        let (old, new) = try processes(engineMax: 1)
        let (granted, waits) = (Granted(), Waits())
        old.share()
        new.share()
        #expect(old.begin())
        let admission = new.pool.admit(RoutingRequest(tenant: "t"), waitMax: 8 * second, queueMax: 9, at: 0) {
            granted.take("a", $0)
        }
        #expect(waits.noting(admission, in: new.pool).ticket != nil)
        new.engine.pump(at: 0)
        #expect(granted.order.isEmpty)
        old.end()
        #expect(granted.order.isEmpty, "nobody tells the other process")
        new.engine.pump(at: 0)
        #expect(granted.order == ["a"] && new.engine.running == 1)
    }

    /// When an engine refuses an attempt, the learnt limit is the number of attempts of all processes together.
    @Test(arguments: [true, false]) func learntLimitsConcernTheSum(isShared: Bool) throws {
        let (old, new) = try processes(isShared: isShared)
        old.share()
        new.share()
        for _ in 0..<4 { #expect(old.begin()) }
        #expect(new.begin())
        new.pool.report(.busy(nil), of: new.executor, at: 0)
        new.end()
        #expect(new.executor.learntLimit(at: 0) == 4)
        #expect(!new.begin())
        old.end()
        #expect(new.begin() && !new.begin())
    }

    @Test func loadIsThatOfAllProcesses() throws {
        let (old, new) = try processes(isShared: false)
        for process in [old, new] { process.share() }
        for _ in 0..<10 { #expect(old.begin()) }
        // The new process has a second executor, which the old process does not use.
        let free = Executor(id: 5, engine: Engine(id: 4, name: "http://free"), model: "m")
        let pool = ExecutorPool(PoolEntry(id: 6), members: [PoolMember(new.executor), PoolMember(free)])
        for _ in 0..<10 { _ = pool.chosen() }
        #expect(new.executor.running == 0 && free.running == 10)
    }

    @Test func promptsThatWaitElsewhereAreLoad() throws {
        let (old, new) = try processes(isShared: false)
        for process in [old, new] { process.share() }
        let request = RoutingRequest(promptBytes: 1 << 20)
        guard case .executor = old.pool.choose(request, at: 0) else { throw Refused() }
        #expect(new.executor.waitingBytesInAll == 1 << 20 && new.engine.waitingBytesInAll == 1 << 20)
        old.executor.promptDone(bytes: 1 << 20)
        #expect(new.executor.waitingBytesInAll == 0)
    }
    private struct Refused: Error {}

    @Test func enginesWithTheSameURLAreToldApart() throws {
        let table = try SharedCounts.create(rows: 256)
        let column = try #require(table.allot())
        let other = try SharedCounts.adopt(dup(table.descriptor), column: column)
        let engines = [table, other].map { counts in
            (0..<2).map { ordinal in
                let engine = Engine(id: 1 + ordinal, name: "http://e", ordinal: ordinal)
                engine.share(in: counts)
                return engine
            }
        }
        let executor = Executor(id: 9, engine: engines[0][1], model: "m")
        executor.share(in: table)
        #expect(ExecutorPool(PoolEntry(id: 10), members: [PoolMember(executor)]).chosen() == 9)
        #expect(engines[1].map(\.runningInAll) == [0, 1])
    }

    /// Two processes never have more attempts under way than the engine's limit, even while they begin to share counts.
    ///
    /// Threads of both processes begin and end attempts all the time. The test counts these attempts itself.
    @Test func theLimitIsNeverExceededWhileSharingBegins() async throws {
        for _ in 0..<20 {
            let (old, new) = try processes(engineMax: 4)
            let places = Places()
            @Sendable func work(_ process: Process, rounds: Int) {
                for _ in 0..<rounds where process.begin() {
                    places.take()
                    places.giveBack()
                    process.end()
                }
            }
            // Two attempts last for the whole test, so that the other attempts often reach the limit of four.
            for _ in 0..<2 where old.begin() { places.take() }
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<2 { group.addTask { work(old, rounds: 500) } }
                group.addTask {
                    old.share()
                    new.share()
                    work(new, rounds: 500)
                }
            }
            #expect(places.most <= 4 && places.taken > 2)
            #expect(old.engine.running == 2 && new.engine.runningInAll == 2 && new.executor.runningInAll == 2)
        }
    }
}

/// The test's own count of attempts: how many are under way, how many were at most, and how many began in all.
private final class Places: Sendable {
    private let held = Atomic<Int>(0), high = Atomic<Int>(0), all = Atomic<Int>(0)
    var most: Int { high.load(ordering: .sequentiallyConsistent) }
    var taken: Int { all.load(ordering: .sequentiallyConsistent) }

    func take() {
        high.max(held.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue, ordering: .sequentiallyConsistent)
        all.wrappingAdd(1, ordering: .sequentiallyConsistent)
    }
    func giveBack() { held.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
}
