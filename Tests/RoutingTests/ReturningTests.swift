import Testing
import Transport

@testable import Routing

/// Tests requests that failed at an executor and wait again, and how this changes the predicted waits of others.
@Suite final class ReturningTests {
    private let waits = Waits()

    private let second: UInt64 = 1_000_000_000

    /// A pool of two executors, whose ids are 0 and 1.
    ///
    /// Each has one slot.
    private func pair() -> ExecutorPool { ExecutorPoolTests.pool(2, .roundRobin, max: 1) }

    private func admit(
        _ name: String,
        to pool: ExecutorPool,
        _ granted: Granted,
        tried: [Int] = [],
        waitMax: UInt64 = 8_000_000_000,
        queueMax: Int = 100,
        at now: UInt64 = 0
    ) -> ExecutorPool.Admission {
        let admission = pool.admit(
            RoutingRequest(tenant: "t", promptBytes: 1, tried: tried),
            returning: !tried.isEmpty,
            waitMax: waitMax,
            queueMax: queueMax,
            at: now
        ) { granted.take(name, $0) }
        return waits.noting(admission, in: pool)
    }

    @Test func whoReturnsGoesBeforeTheOthers() {
        let (pool, granted) = (pair(), Granted())
        for name in ["a", "b"] { #expect(admit(name, to: pool, granted).isExecutor) }
        #expect(admit("c", to: pool, granted).ticket != nil)
        #expect(admit("d", to: pool, granted, tried: [0]).ticket != nil)
        pool.release(pool.executors[1], at: 0)
        #expect(granted.order == ["d"])
        pool.release(pool.executors[0], at: 0)
        #expect(granted.order == ["d", "c"])
    }

    @Test func whoReturnsHoldsUpNobody() {
        let (pool, granted) = (pair(), Granted())
        for name in ["a", "b"] { #expect(admit(name, to: pool, granted).isExecutor) }
        #expect(admit("only1", to: pool, granted, tried: [0]).ticket != nil)
        #expect(admit("any", to: pool, granted).ticket != nil)
        pool.release(pool.executors[0], at: 0)
        #expect(granted.order == ["any"], "the first of the line cannot use this place")
        pool.release(pool.executors[1], at: 0)
        #expect(granted.order == ["any", "only1"])
    }

    @Test func thereIsNoneThatHasNotBeenTried() {
        let (pool, granted) = (pair(), Granted())
        guard case .none = admit("a", to: pool, granted, tried: [0, 1]) else {
            Issue.record("both have been tried")
            return
        }
    }

    @Test func whoMayNotWaitIsRefused() {
        let (pool, granted) = (pair(), Granted())
        for name in ["a", "b"] { #expect(admit(name, to: pool, granted).isExecutor) }
        guard case .refused(let retryAfter) = admit("c", to: pool, granted, tried: [0], waitMax: 0) else {
            Issue.record("it may not wait")
            return
        }
        #expect(retryAfter >= second && pool.waitingCount == 0)
    }

    @Test func aFullQueueIsNoReasonToRefuseWhoReturns() {
        let (pool, granted) = (pair(), Granted())
        for name in ["a", "b", "c"] { _ = admit(name, to: pool, granted, queueMax: 1) }
        guard case .refused = admit("d", to: pool, granted, queueMax: 1) else {
            Issue.record("one may wait")
            return
        }
        #expect(admit("e", to: pool, granted, tried: [0], queueMax: 1).ticket != nil)
    }

    @Test func whoReturnsMayLeave() {
        let (pool, granted) = (pair(), Granted())
        for name in ["a", "b"] { #expect(admit(name, to: pool, granted).isExecutor) }
        let ticket = admit("c", to: pool, granted, tried: [0]).ticket!
        #expect(pool.leave(ticket) && !pool.leave(ticket) && pool.waitingCount == 0)
        pool.release(pool.executors[1], at: 0)
        #expect(granted.order.isEmpty)
    }

    // MARK: Predicted waits

    /// When a slow executor becomes fast again, the pool refuses only a few requests until its forecast of the wait has
    /// adapted.
    @Test func aPaceThatWasSlowIsLearntAnew() {
        let (pool, granted) = (ExecutorPoolTests.pool(1, max: 1), Granted())
        let executor = pool.executors[0]
        var now: UInt64 = second
        // The slot is slow: four attempts take 20 s each, and another request waits meanwhile.
        #expect(admit("slow", to: pool, granted, at: now).isExecutor)
        for number in 0..<4 {
            _ = admit("slow \(number)", to: pool, granted, at: now)
            now += 20 * second
            pool.release(executor, at: now)
        }
        #expect(pool.predictedWait(of: "t", at: now) > 8 * second)
        // Then the slot is fast: each attempt takes 100 ms, and four requests arrive at a time.
        var refused: [Int] = []
        for round in 0..<40 {
            for number in 0..<4 {
                if case .refused = admit("\(round).\(number)", to: pool, granted, at: now) { refused.append(round) }
            }
            while executor.running > 0 {
                now += second / 10
                pool.release(executor, at: now)
            }
        }
        #expect(refused.max().map { $0 < 10 } == true, "refused in rounds \(refused)")
        #expect(pool.predictedWait(of: "t", at: now) == second)
    }

    @Test func thePaceIsLearntWhereNobodyWaits() {
        let (pool, granted) = (ExecutorPoolTests.pool(1, max: 1), Granted())
        let executor = pool.executors[0]
        var now: UInt64 = second
        for _ in 0..<3 {
            #expect(admit("alone", to: pool, granted, at: now).isExecutor)
            now += 5 * second
            pool.release(executor, at: now)
            // These 100 s do not make the pool seem slow, because it has a free slot all the time.
            now += 100 * second
        }
        #expect(pool.predictedWait(of: "t", at: now) == second, "there is room")
        #expect(admit("holds", to: pool, granted, at: now).isExecutor)
        #expect(pool.predictedWait(of: "t", at: now) == 5 * second)
    }

    @Test func oneMayAlwaysWait() {
        let (pool, granted) = (ExecutorPoolTests.pool(1, max: 1), Granted())
        pool.entry.state.withLock { state in
            for step in 0..<5 {
                state.times.taken(at: UInt64(step) * 60 * second)
                state.times.freed(takenAt: UInt64(step) * 60 * second, at: UInt64(step + 1) * 60 * second)
            }
        }
        let now = 300 * second
        #expect(admit("a", to: pool, granted, at: now).isExecutor)
        #expect(admit("b", to: pool, granted, at: now).ticket != nil)
        guard case .refused = admit("c", to: pool, granted, at: now) else {
            Issue.record("one waits already, and the second would wait for two minutes")
            return
        }
    }

    // MARK: Snapshots

    /// When a reload changes the executors of a model, waiting requests keep their order.
    ///
    /// A request that already waited can still get only an executor of the old configuration.
    @Test func theQueueOutlivesAPool() {
        let entry = PoolEntry(id: 1)
        let old = Executor(id: 2, engine: Engine(id: 3, name: "old"), model: "m")
        let kept = Executor(id: 4, engine: Engine(id: 5, name: "kept"), model: "m")
        let new = Executor(id: 6, engine: Engine(id: 7, name: "new"), model: "m")
        let granted = Granted()
        let before = ExecutorPool(entry, members: [old, kept].map { PoolMember($0, runningMax: 1) })
        for name in ["a", "b"] { #expect(admit(name, to: before, granted).isExecutor) }
        #expect(admit("before", to: before, granted).ticket != nil)
        // The new pool begins with `kept`, no longer has `old`, and adds `new`.
        let after = ExecutorPool(entry, members: [kept, new].map { PoolMember($0, runningMax: 1) })
        #expect(admit("after", to: after, granted).ticket != nil && after.waitingCount == 2)
        // The executor `new` is only in the new pool, so only the request `after` may use its slot.
        after.pump(at: 0)
        #expect(granted.order == ["after"] && new.running == 1)
        before.release(old, at: 0)
        #expect(granted.order == ["after", "before"] && old.running == 1 && kept.running == 1)
        #expect(granted.grants[1].pool === before)
        before.release(old, at: 0)
        #expect(after.waitingCount == 0 && old.running == 0)
    }

    @Test func aTicketIsGoodAfterItsHolderWasPassedBy() {
        let entry = PoolEntry(id: 1)
        let old = Executor(id: 2, engine: Engine(id: 3, name: "old"), model: "m")
        let new = Executor(id: 6, engine: Engine(id: 7, name: "new"), model: "m")
        let granted = Granted()
        let before = ExecutorPool(entry, members: [PoolMember(old, runningMax: 1)])
        #expect(admit("a", to: before, granted).isExecutor)
        let ticket = admit("before", to: before, granted).ticket!
        let after = ExecutorPool(entry, members: [PoolMember(new, runningMax: 1)])
        #expect(admit("after", to: after, granted).ticket != nil)
        after.pump(at: 0)
        #expect(granted.order == ["after"])
        #expect(before.leave(ticket) && entry.waitingCount == 0)
    }
}
