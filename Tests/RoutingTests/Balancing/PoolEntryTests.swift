import Testing

@testable import Routing

/// How tenants share the places of a full queue, and in which order their requests are served.
@Suite final class PoolEntryTests {
    private let waits = Waits()
    private let granted = Granted()
    private let second: UInt64 = 1_000_000_000

    private func wait(
        _ name: String,
        in pool: ExecutorPool,
        tenant: String,
        queueMax: Int = 20,
        returning: Bool = false
    ) -> ExecutorPool.Admission {
        let granted = granted
        let admission = pool.admit(
            RoutingRequest(tenant: tenant, promptBytes: 100),
            returning: returning,
            waitMax: 8 * second,
            queueMax: queueMax,
            at: 0
        ) { granted.take(name, $0) }
        return waits.noting(admission, in: pool)
    }

    private func full() -> ExecutorPool {
        let pool = ExecutorPoolTests.pool(1, max: 1)
        #expect(wait("runs", in: pool, tenant: "crowd").isExecutor)
        return pool
    }

    @Test func theFullestGivesWayToANewcomer() throws {
        let pool = full()
        for number in 0..<20 { #expect(wait("crowd \(number)", in: pool, tenant: "crowd").ticket != nil) }
        guard case .refused = wait("one too many", in: pool, tenant: "crowd") else {
            Issue.record("its own room is used up")
            return
        }
        #expect(granted.gaveWay.isEmpty)
        #expect(wait("newcomer", in: pool, tenant: "other").ticket != nil && pool.waitingCount == 20)
        let way = try #require(granted.gaveWay.first)
        #expect(granted.gaveWay.count == 1 && way.name == "crowd 19", "the latest, which would have waited longest")
        #expect(way.way.pool === pool && way.way.retryAfter >= second)
        #expect(!pool.leave(way.way.ticket), "it is there no more")
        for _ in 0..<2 { pool.release(pool.executors[0], at: 0) }
        #expect(granted.order == ["crowd 0", "newcomer"])
    }

    @Test func aWaitEndsWhenTheOperatorDrainsTheLastExecutor() {
        let pool = ExecutorPoolTests.pool(2, max: 1)
        for name in ["a", "b"] { #expect(wait(name, in: pool, tenant: "x").isExecutor) }
        #expect(wait("new", in: pool, tenant: "x").ticket != nil)
        #expect(wait("returned", in: pool, tenant: "x", returning: true).ticket != nil)
        pool.executors[0].apply(drained: true, weight: nil, at: 1)
        #expect(granted.withoutExecutor.isEmpty && pool.waitingCount == 2, "one executor is left")
        pool.executors[1].apply(drained: true, weight: nil, at: 2)
        #expect(Set(granted.withoutExecutor) == ["new", "returned"] && pool.waitingCount == 0)
        for executor in pool.executors { pool.release(executor, began: 0, at: 3) }
        #expect(granted.order.isEmpty)
    }

    /// A tenant that sends one request after the other is served in turn with a tenant that always has 40 open.
    @Test func whoAsksOneAtATimeIsServedInTurn() {
        let pool = full()
        var (asked, served) = (0, 0)
        for turn in 0..<200 {
            while case .waiting = wait("crowd", in: pool, tenant: "crowd") {}
            if asked == served {
                #expect(wait("single \(turn)", in: pool, tenant: "single").ticket != nil)
                asked += 1
            }
            pool.release(pool.executors[0], at: 0)
            served = granted.order.count { $0.hasPrefix("single") }
        }
        #expect((95...101).contains(served), "every second place is the single's: \(served)")
        #expect(pool.waitingCount <= 20)
    }

    @Test func eachTenantHasAShare() {
        let pool = full()
        for tenant in ["a", "b", "c", "d"] {
            for number in 0..<40 { _ = wait("\(tenant) \(number)", in: pool, tenant: tenant) }
        }
        for _ in 0..<21 { pool.release(pool.executors[0], at: 0) }
        for tenant in ["a", "b", "c", "d"] {
            #expect(granted.order.count { $0.hasPrefix(tenant) } == 5, "\(granted.order)")
        }
    }

    /// A queue with room for one request serves two tenants in turn.
    ///
    /// If both tenants want this room, the tenant that was served last does not get it, or loses it.
    @Test func evenRoomForOneIsShared() {
        let pool = full()
        var served = 0
        for turn in 0..<40 {
            while case .waiting = wait("crowd", in: pool, tenant: "crowd", queueMax: 1) {}
            #expect(wait("single \(turn)", in: pool, tenant: "single", queueMax: 1).ticket != nil, "turn \(turn)")
            guard case .refused = wait("crowd", in: pool, tenant: "crowd", queueMax: 1) else {
                Issue.record("it had its turn")
                return
            }
            // When a slot becomes free, the waiting request of the tenant `single` is served first. The next free slot
            // serves `crowd`.
            pool.release(pool.executors[0], at: 0)
            while case .waiting = wait("crowd", in: pool, tenant: "crowd", queueMax: 1) {}
            pool.release(pool.executors[0], at: 0)
            served = granted.order.count { $0.hasPrefix("single") }
            #expect(served == turn + 1)
        }
    }

    @Test func whoHasAsMuchAsOthersIsRefused() {
        let pool = full()
        for tenant in 0..<3 { _ = wait("\(tenant)", in: pool, tenant: "\(tenant)", queueMax: 3) }
        guard case .refused = wait("fourth", in: pool, tenant: "fourth", queueMax: 3) else {
            Issue.record("each of the others has one")
            return
        }
        guard case .refused = wait("none", in: pool, tenant: "fourth", queueMax: 0) else {
            Issue.record("there is no queue")
            return
        }
        #expect(granted.gaveWay.isEmpty)
    }

    /// A request that waits again after an attempt does not count for the limit of the queue.
    ///
    /// It is never removed from the queue to make room for another request.
    @Test func whoReturnsTakesNoRoom() {
        let pool = full()
        for number in 0..<5 {
            #expect(wait("back \(number)", in: pool, tenant: "a", queueMax: 2, returning: true).ticket != nil)
        }
        for number in 0..<2 { #expect(wait("b \(number)", in: pool, tenant: "b", queueMax: 2).ticket != nil) }
        #expect(wait("c", in: pool, tenant: "c", queueMax: 2).ticket != nil)
        #expect(granted.gaveWay.map(\.name) == ["b 1"] && pool.waitingCount == 7)
    }
}
