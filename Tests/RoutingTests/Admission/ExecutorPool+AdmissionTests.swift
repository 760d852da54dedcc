import Testing

@testable import Routing

/// Tests how requests wait for a slot: their order, the limits, the predicted waits, and slots that are given back.
@Suite final class ExecutorPoolAdmissionTests {
    private let second: UInt64 = 1_000_000_000
    private let waits = Waits()

    private func wait(
        _ name: String,
        in pool: ExecutorPool,
        _ granted: Granted,
        bytes: Int = 100,
        tenant: String = "t",
        tried: [Int] = [],
        returning: Bool = false,
        waitMax: UInt64 = 8_000_000_000,
        queueMax: Int = 1000,
        at now: UInt64 = 0
    ) -> ExecutorPool.Admission {
        let admission = pool.admit(
            RoutingRequest(tenant: tenant, promptBytes: bytes, tried: tried),
            returning: returning,
            waitMax: waitMax,
            queueMax: queueMax,
            at: now
        ) { granted.take(name, $0) }
        return waits.noting(admission, in: pool)
    }

    @Test func placesGoToThoseWhoWaitInOrder() {
        let (pool, granted) = (ExecutorPoolTests.pool(1, max: 2), Granted())
        for name in ["a", "b"] { #expect(wait(name, in: pool, granted).isExecutor) }
        for name in ["c", "d", "e"] { #expect(wait(name, in: pool, granted).ticket != nil) }
        #expect(pool.waitingCount == 3 && granted.order.isEmpty)
        pool.release(pool.executors[0], at: second)
        #expect(granted.order == ["c"] && pool.executors[0].running == 2)
        // A slot becomes free, but requests already wait for it, so a new request has to wait too.
        pool.executors[0].attemptEnded()
        #expect(wait("f", in: pool, granted).ticket != nil)
        pool.pump(at: second)
        #expect(granted.order == ["c", "d"])
    }

    @Test func whoeverLeavesHasNoPlace() {
        let (pool, granted) = (ExecutorPoolTests.pool(1, max: 1), Granted())
        _ = wait("a", in: pool, granted)
        let ticket = wait("b", in: pool, granted).ticket!
        _ = wait("c", in: pool, granted)
        #expect(pool.leave(ticket) && !pool.leave(ticket))
        pool.release(pool.executors[0], at: 0)
        #expect(granted.order == ["c"])
    }

    @Test func aGrantThatNobodyTakesGoesToTheNext() {
        let (pool, granted) = (ExecutorPoolTests.pool(1, max: 1), Granted())
        _ = wait("a", in: pool, granted, bytes: 0)
        _ = wait("b", in: pool, granted, bytes: 500)
        _ = wait("c", in: pool, granted, bytes: 700)
        pool.release(pool.executors[0], at: 0)
        #expect(granted.order == ["b"] && pool.executors[0].waitingBytes == 500)
        granted.grants[0].giveBack(at: 0)
        #expect(granted.order == ["b", "c"] && pool.executors[0].running == 1)
        #expect(pool.executors[0].waitingBytes == 700)
    }

    @Test func theQueueHasAnEnd() {
        let (pool, granted) = (ExecutorPoolTests.pool(1, max: 1), Granted())
        for name in ["a", "b", "c"] { _ = wait(name, in: pool, granted, queueMax: 2) }
        guard case .refused(let wait) = wait("d", in: pool, granted, queueMax: 2) else {
            Issue.record("two may wait")
            return
        }
        #expect(wait >= second && pool.waitingCount == 2)
    }

    @Test func aWaitThatWouldBeTooLongIsRefusedAtOnce() {
        let (pool, granted) = (ExecutorPoolTests.pool(1, max: 1), Granted())
        _ = wait("first", in: pool, granted)
        var now: UInt64 = 0
        for number in 0..<12 { _ = wait("\(number)", in: pool, granted, at: now) }
        // One slot comes free each second, so a request behind twelve others waits twelve seconds.
        for _ in 0..<5 {
            now += second
            pool.release(pool.executors[0], at: now)
        }
        for number in 12..<17 where pool.waitingCount < 12 { _ = wait("\(number)", in: pool, granted, at: now) }
        guard case .refused(let retryAfter) = wait("late", in: pool, granted, at: now) else {
            Issue.record("behind \(pool.waitingCount) it would wait too long")
            return
        }
        #expect(retryAfter >= second && retryAfter <= 6 * second)
        // The queue serves tenants in turn, so a request of another tenant would wait only briefly, and is admitted.
        #expect(wait("other", in: pool, granted, tenant: "u", at: now).ticket != nil)
    }

    /// Each worker reads its clock once per turn of its event loop.
    ///
    /// So a worker may call the pool with an earlier time than another worker has done before.
    @Test func clocksThatAreATurnApartAreNoFault() {
        let (pool, granted) = (ExecutorPoolTests.pool(1, max: 1), Granted())
        _ = wait("first", in: pool, granted, at: second)
        for number in 0..<12 { _ = wait("\(number)", in: pool, granted, at: second) }
        for step in 0..<12 {
            let now = second + UInt64(step) * 1_000_000 - (step % 2 == 0 ? 0 : 5_000_000)
            pool.release(pool.executors[0], at: now)
            #expect((second...8 * second).contains(pool.predictedWait(of: "t", at: now)))
        }
        #expect(granted.order.count == 12)
    }

    @Test func whoHasWaitedGoesToTheHead() {
        let (pool, granted) = (ExecutorPoolTests.pool(1, max: 1), Granted())
        _ = wait("a", in: pool, granted)
        _ = wait("b", in: pool, granted)
        _ = wait("c", in: pool, granted, returning: true)
        pool.release(pool.executors[0], at: 0)
        #expect(granted.order == ["c"])
    }

    @Test func aRefusalTeachesHowManyAnExecutorTakes() {
        let (pool, granted) = (ExecutorPoolTests.pool(1), Granted())
        for name in ["a", "b", "c"] { #expect(wait(name, in: pool, granted).isExecutor) }
        // The executor refused the third request while two were running, so the pool learns that it takes two at a
        // time.
        pool.report(.busy(nil), of: pool.executors[0], at: 0)
        pool.release(pool.executors[0], at: 0)
        #expect(wait("d", in: pool, granted).ticket != nil && pool.health(of: pool.executors[0]) == .healthy)
        pool.release(pool.executors[0], at: 1)
        #expect(granted.order == ["d"])
        #expect(wait("e", in: pool, granted, at: 31 * second).isExecutor, "what was learnt is forgotten")
    }

    @Test func aPauseLongerThanAnybodyMayWaitIsToldAtOnce() {
        let (pool, granted) = (ExecutorPoolTests.pool(1), Granted())
        _ = wait("a", in: pool, granted)
        pool.report(.busy(20 * second), of: pool.executors[0], at: 0)
        pool.release(pool.executors[0], at: 0)
        guard case .refused(let retryAfter) = wait("b", in: pool, granted, at: 5 * second) else {
            Issue.record("it would wait in vain")
            return
        }
        #expect(retryAfter == 15 * second)
        #expect(wait("c", in: pool, granted, at: 13 * second).ticket != nil)
    }

    @Test func aRetryAfterIsHonoured() {
        let (pool, granted) = (ExecutorPoolTests.pool(1), Granted())
        _ = wait("a", in: pool, granted)
        pool.report(.busy(3 * second), of: pool.executors[0], at: 0)
        pool.release(pool.executors[0], at: 0)
        #expect(wait("b", in: pool, granted, at: second).ticket != nil)
        pool.pump(at: 2 * second)
        #expect(granted.order.isEmpty)
        pool.pump(at: 3 * second)
        #expect(granted.order == ["b"])
    }
}
