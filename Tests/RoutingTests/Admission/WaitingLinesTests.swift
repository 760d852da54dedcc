import Testing
import Transport

@testable import Routing

/// Tests the classes of requests in the queue of a pool: which request is served next, the shares of the classes, and
/// which request is removed when the queue is full.
@Suite final class WaitingLinesTests {
    private let waits = Waits()
    private let granted = Granted()
    private let second: UInt64 = 1_000_000_000

    /// A pool of one executor with `slots` slots.
    private func pool(slots: Int = 1, shares: QueueShares = QueueShares(), entry: PoolEntry? = nil) -> ExecutorPool {
        let executor = Executor(id: 1, engine: Engine(id: 2, name: "e"), model: "m")
        return ExecutorPool(
            entry ?? PoolEntry(id: 1),
            members: [PoolMember(executor, runningMax: slots)],
            shares: shares
        )
    }

    @discardableResult private func ask(
        _ name: String,
        _ priority: PriorityClass,
        of pool: ExecutorPool,
        tenant: String = "t",
        returning: Bool = false,
        waitMax: UInt64 = 3600 * 1_000_000_000,
        queueMax: Int = 1000,
        at now: UInt64 = 0
    ) -> ExecutorPool.Admission {
        var request = RoutingRequest(tenant: tenant, promptBytes: 100)
        request.priority = priority
        let granted = granted
        let admission = pool.admit(request, returning: returning, waitMax: waitMax, queueMax: queueMax, at: now) {
            granted.take(name, $0)
        }
        return waits.noting(admission, in: pool)
    }

    private func release(_ pool: ExecutorPool, _ count: Int = 1, at now: UInt64 = 0) {
        for _ in 0..<count { pool.release(pool.executors[0], at: now) }
    }

    // MARK: Order

    @Test func higherClassesAreServedFirst() {
        let pool = pool(shares: QueueShares(standard: 0, bulk: 0))
        #expect(ask("runs", .bulk, of: pool).isExecutor)
        for number in 0..<3 {
            ask("b\(number)", .bulk, of: pool)
            ask("s\(number)", .standard, of: pool)
            ask("i\(number)", .interactive, of: pool)
        }
        #expect(pool.waitingCounts == [3, 3, 3] && pool.waitingCount == 9)
        release(pool, 9)
        #expect(granted.order == ["i0", "i1", "i2", "s0", "s1", "s2", "b0", "b1", "b2"])
    }

    /// An interactive request gets the next free slot, however many bulk requests wait or have run before.
    @Test(arguments: [0, 1, 7, 19, 20, 21, 250]) func aBulkFloodDelaysNobodyByMoreThanOneSlot(served: Int) {
        let pool = pool()
        ask("runs", .bulk, of: pool)
        for number in 0..<500 { ask("b\(number)", .bulk, of: pool) }
        for round in 0..<20 {
            release(pool, served)
            let before = granted.order.count
            #expect(ask("i\(round)", .interactive, of: pool).ticket != nil)
            release(pool)
            #expect(granted.order.count == before + 1 && granted.order.last == "i\(round)")
            release(pool)
            if pool.waitingCount < served + 2 { break }
        }
    }

    /// The forecast of a request's wait does not count waiting requests of lower classes.
    ///
    /// So many bulk requests never cause a request of a higher class to be refused.
    @Test func aFloodIsNotAheadOfAHigherClass() {
        let pool = pool()
        for _ in 0..<5 {
            ask("short", .bulk, of: pool)
            release(pool, at: 0)
        }
        ask("runs", .bulk, of: pool)
        for number in 0..<500 { ask("b\(number)", .bulk, of: pool) }
        pool.entry.state.withLock { state in
            func ahead(_ priority: PriorityClass, returning: Bool = false) -> Int {
                var request = RoutingRequest(tenant: "other", promptBytes: 100)
                request.priority = priority
                return state.ahead(of: request, returning: returning)
            }
            #expect(ahead(.interactive) == 0 && ahead(.standard) == 0 && ahead(.bulk) == 1)
            #expect(ahead(.bulk, returning: true) == 0)
        }
        for number in 0..<100 { ask("i\(number)", .interactive, of: pool) }
        pool.entry.state.withLock { state in
            func ahead(_ priority: PriorityClass, tenant: String) -> Int {
                var request = RoutingRequest(tenant: tenant, promptBytes: 100)
                request.priority = priority
                return state.ahead(of: request, returning: false)
            }
            #expect(ahead(.interactive, tenant: "t") == 105, "and the five slots that bulk gets meanwhile")
            #expect(ahead(.standard, tenant: "t") == 4, "the fifth slot is its share")
            #expect(ahead(.bulk, tenant: "t") == 600, "all of them")
            #expect(ahead(.bulk, tenant: "other") == 39, "the second of bulk's slots by its share")
        }
    }

    @Test func aFreeSlotIsTakenBeforeLowerClassesButNotBeforeTheOwnOne() {
        let pool = pool()
        #expect(ask("runs", .standard, of: pool).isExecutor)
        ask("b", .bulk, of: pool)
        ask("s", .standard, of: pool)
        // The slot becomes free, but the pool is not told, so nobody has got it yet. This happens when an executor's
        // pause ends.
        pool.executors[0].attemptEnded()
        #expect(ask("late bulk", .bulk, of: pool).ticket != nil)
        #expect(ask("late standard", .standard, of: pool).ticket != nil)
        #expect(ask("i", .interactive, of: pool).isExecutor)
        release(pool, 4)
        #expect(granted.order == ["s", "late standard", "b", "late bulk"])
    }

    @Test func whoReturnsGoesFirstAndInTheOrderOfClasses() {
        let pool = pool()
        ask("runs", .standard, of: pool)
        ask("i", .interactive, of: pool)
        let returning: [(String, PriorityClass)] = [
            ("rb", .bulk), ("rs", .standard), ("ri", .interactive), ("rs2", .standard),
        ]
        for (name, priority) in returning { ask(name, priority, of: pool, returning: true) }
        #expect(pool.waitingCounts == [2, 2, 1])
        release(pool, 5)
        #expect(granted.order == ["ri", "rs", "rs2", "rb", "i"])
    }

    // MARK: Shares

    /// Requests of all three classes wait all the time.
    ///
    /// Each lower class must get its share of the slots.
    @Test(arguments: [(20, 5), (50, 40), (0, 5), (20, 0), (1, 1), (33, 34)])
    func sharesAreKeptUnderAnEndlessLoad(standard: Int, bulk: Int) {
        let pool = pool(shares: QueueShares(standard: standard, bulk: bulk))
        ask("runs", .standard, of: pool)
        for round in 0..<2000 {
            for priority in PriorityClass.allCases where pool.waitingCounts[priority.rank] < 3 {
                ask("\(priority.rank)", priority, of: pool, tenant: "t\(round % 4)")
            }
            release(pool)
        }
        let order = granted.order
        #expect(order.count == 2000)
        for (rank, share) in [(1, standard), (2, bulk)] {
            let places = order.indices.filter { order[$0] == "\(rank)" }
            #expect(abs(places.count - 2000 * share / 100) <= 1, "class \(rank) got \(places.count)")
            let gaps = zip(places, places.dropFirst()).map { $1 - $0 }
            let most = share > 0 ? (100 + share - 1) / share + 1 : 0
            #expect(gaps.allSatisfy { $0 <= most }, "class \(rank) waited for \(gaps.max() ?? 0) slots")
        }
    }

    /// While requests of a lower class wait, each slot that is given away earns the class a part of a slot.
    ///
    /// The class loses this when its last waiting request leaves.
    @Test func aShareIsNotSavedUp() {
        let pool = pool(shares: QueueShares(standard: 20, bulk: 10))
        ask("runs", .interactive, of: pool)
        let ticket = ask("b", .bulk, of: pool).ticket!
        for number in 0..<9 { ask("i\(number)", .interactive, of: pool) }
        release(pool, 9)
        #expect(pool.leave(ticket))
        ask("b", .bulk, of: pool)
        ask("i9", .interactive, of: pool)
        release(pool)
        #expect(granted.order.last == "i9")
    }

    // MARK: Giving way

    @Test func theLowestClassGivesWayFirst() {
        let pool = pool()
        ask("runs", .standard, of: pool)
        for number in 0..<2 {
            ask("b\(number)", .bulk, of: pool, tenant: "x", queueMax: 4)
            ask("s\(number)", .standard, of: pool, tenant: "x", queueMax: 4)
        }
        let pushed: [(PriorityClass, [String])] = [
            (.bulk, []), (.standard, ["b1"]), (.interactive, ["b1", "b0"]), (.interactive, ["b1", "b0", "s2"]),
            (.standard, ["b1", "b0", "s2"]), (.interactive, ["b1", "b0", "s2", "s1"]),
            (.interactive, ["b1", "b0", "s2", "s1", "s0"]), (.interactive, ["b1", "b0", "s2", "s1", "s0"]),
            (.standard, ["b1", "b0", "s2", "s1", "s0"]), (.bulk, ["b1", "b0", "s2", "s1", "s0"]),
        ]
        for (step, (priority, gone)) in pushed.enumerated() {
            let name = step == 1 ? "s2" : "n\(step)"
            let admission = ask(name, priority, of: pool, tenant: "x", queueMax: 4)
            let mayWait = step > 0 && granted.gaveWay.count > (step > 1 ? pushed[step - 1].1.count : 0)
            #expect((admission.ticket != nil) == mayWait, "step \(step)")
            #expect(granted.gaveWay.map(\.name) == gone, "step \(step)")
            #expect(pool.waitingCount == 4)
        }
        #expect(granted.gaveWay.allSatisfy { $0.way.retryAfter >= second && !pool.leave($0.way.ticket) })
    }

    /// When the queue is full, higher classes displace waiting requests of a lower class, but only down to its share of
    /// the queue.
    ///
    /// Otherwise a lower class would keep no place in the queue at all.
    @Test func theShareOfTheRoomIsKept() {
        let pool = pool(shares: QueueShares(standard: 20, bulk: 10))
        ask("runs", .standard, of: pool)
        for number in 0..<20 { ask("b\(number)", .bulk, of: pool, queueMax: 20) }
        for number in 0..<30 { ask("s\(number)", .standard, of: pool, queueMax: 20) }
        #expect(pool.waitingCounts == [0, 18, 2])
        for number in 0..<30 { ask("i\(number)", .interactive, of: pool, queueMax: 20) }
        #expect(pool.waitingCounts == [14, 4, 2])
        #expect(ask("b", .bulk, of: pool, queueMax: 20).ticket == nil)
    }

    // MARK: Snapshots

    /// Many bulk requests wait when a reload makes a new snapshot.
    ///
    /// Later requests of higher classes are still served before them.
    @Test func classesOutliveASnapshot() {
        let entry = PoolEntry(id: 1)
        let engine = Engine(id: 2, name: "e")
        let executor = Executor(id: 1, engine: engine, model: "m")
        func snapshot() -> ExecutorPool { ExecutorPool(entry, members: [PoolMember(executor, runningMax: 1)]) }
        let before = snapshot()
        ask("runs", .standard, of: before)
        for number in 0..<50 { ask("b\(number)", .bulk, of: before) }
        ask("s", .standard, of: before)
        let after = snapshot()
        // The pool looks for slots for all waiting requests, and finds every executor full.
        after.pump(at: 0)
        #expect(granted.order.isEmpty && after.waitingCounts == [0, 1, 50])
        ask("late", .bulk, of: after)
        ask("i0", .interactive, of: after)
        ask("i1", .interactive, of: after)
        release(after, 5)
        #expect(granted.order == ["i0", "i1", "s", "b0", "b1"])
        #expect(after.waitingCounts == [0, 0, 49])
        release(after, 49)
        #expect(granted.order.last == "late" && after.waitingCount == 0)
    }

    /// After a reload, a request of the new snapshot may find no free slot.
    ///
    /// Requests that wait for an executor of the old snapshot are served meanwhile.
    @Test func anExecutorOfAnEarlierSnapshotDoesNotStandIdle() {
        let entry = PoolEntry(id: 1)
        let old = Executor(id: 2, engine: Engine(id: 3, name: "old"), model: "m")
        let new = Executor(id: 6, engine: Engine(id: 7, name: "new"), model: "m")
        let before = ExecutorPool(entry, members: [PoolMember(old, runningMax: 1)])
        #expect(ask("runs", .standard, of: before).isExecutor)
        for name in ["b0", "b1"] { ask(name, .bulk, of: before) }
        let after = ExecutorPool(entry, members: [PoolMember(new, runningMax: 1)])
        #expect(ask("i0", .interactive, of: after).isExecutor)
        ask("i1", .interactive, of: after)
        before.release(old, began: 0, at: 0)
        before.release(old, began: 0, at: 0)
        #expect(granted.order == ["b0", "b1"])
        after.release(new, began: 0, at: 0)
        #expect(granted.order == ["b0", "b1", "i1"])
    }
}
