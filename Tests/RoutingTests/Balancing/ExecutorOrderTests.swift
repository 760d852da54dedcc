import Testing
import Transport

@testable import Routing

/// Tests how an operator's command, such as draining an executor, changes which executor is chosen.
@Suite struct ExecutorOrderTests {
    private let second: Nanoseconds = 1_000_000_000
    private let waits = Waits()

    private func counts(_ pool: ExecutorPool, _ requests: Int, at now: Nanoseconds) -> [Int] {
        var counts = pool.members.map { _ in 0 }
        for _ in 0..<requests {
            guard let chosen = pool.chosen(at: now) else { continue }
            pool.release(pool.executors[chosen], at: now)
            counts[chosen] += 1
        }
        return counts
    }

    @Test(arguments: [Balance.leastLoad, .roundRobin, .weighted])
    func aDrainedExecutorTakesNothingAndComesBackSlowly(balance: Balance) {
        let pool = ExecutorPoolTests.pool(2, balance)
        #expect(pool.chosen(at: second) != nil && pool.chosen(at: second) != nil)
        let drained = pool.executors[0]
        drained.apply(drained: true, weight: nil, at: second)
        #expect(drained.isDrained && drained.running == 1, "what runs goes on")
        #expect(counts(pool, 50, at: second) == [0, 50])
        #expect(pool.chosen(excluding: [1], at: second) == nil)
        let status = pool.statuses(at: second)[0]
        #expect(!status.isUsable && status.state == .healthy && status.member.presentWeight == 0)
        for executor in pool.executors { pool.release(executor, at: second) }
        drained.apply(drained: false, weight: nil, at: 20 * second)
        let early = counts(pool, 220, at: 20 * second)
        #expect((18...22).contains(early[0]), "a tenth against one: \(early)")
        let late = counts(pool, 220, at: 30 * second)
        #expect((105...115).contains(late[0]), "\(late)")
    }

    @Test(arguments: [Balance.leastLoad, .roundRobin, .weighted])
    func anOrderedWeightReplacesTheConfiguredOne(balance: Balance) {
        let pool = ExecutorPoolTests.pool(3, balance, weights: [1, 1, 0])
        pool.executors[0].apply(drained: false, weight: 3, at: second)
        #expect(counts(pool, 400, at: second) == [300, 100, 0])
        pool.executors[2].apply(drained: false, weight: 4, at: second)
        #expect(abs(counts(pool, 800, at: second)[2] - 400) <= 4)
        pool.executors[2].apply(drained: false, weight: 0, at: second)
        #expect(counts(pool, 40, at: second)[2] == 0 && !pool.executors[2].isDrained)
        for executor in pool.executors { executor.apply(drained: false, weight: nil, at: 2 * second) }
        let later = counts(pool, 100, at: 60 * second)
        #expect(later[2] == 0 && abs(later[0] - 50) <= 1, "\(later)")
    }

    /// A pool uses unhealthy members if more than half of its members are unhealthy.
    ///
    /// Members that an operator drained do not count, neither as unhealthy nor as part of the pool.
    @Test func whoIsDrainedNeedsNoMercy() {
        let pool = ExecutorPoolTests.pool(3)
        for index in 0..<2 { pool.executors[index].apply(drained: true, weight: nil, at: 1) }
        for _ in 0..<3 { pool.report(.fault(.answer), of: pool.executors[2], at: 1) }
        #expect(pool.chosen(at: 2) == 2, "the only one in use is tried though it is bad")
        pool.executors[2].apply(drained: true, weight: nil, at: 2)
        #expect(pool.chosen(at: 2) == nil)
    }

    @Test func requestsThatWaitGoToWhoIsResumed() {
        let pool = ExecutorPoolTests.pool(2, max: 1)
        let granted = Granted()
        pool.executors[1].apply(drained: true, weight: nil, at: second)
        #expect(pool.chosen(at: second) == 0)
        let admission = waits.noting(
            pool.admit(RoutingRequest(), waitMax: 60 * second, queueMax: 9, at: second) { granted.take("a", $0) },
            in: pool
        )
        #expect(admission.ticket != nil)
        pool.executors[1].apply(drained: false, weight: nil, at: 2 * second)
        #expect(granted.order == ["a"] && granted.grants[0].executor === pool.executors[1])
        // If all executors are drained, a request is refused at once and does not wait.
        for executor in pool.executors { executor.apply(drained: true, weight: nil, at: 3 * second) }
        let none = pool.admit(RoutingRequest(), waitMax: 60 * second, queueMax: 9, at: 3 * second) { _ in }
        guard case .none = none else {
            Issue.record("\(none)")
            return
        }
    }

    /// While workers choose the executor, an operator drains it.
    ///
    /// After the command, no worker may begin an attempt there.
    @Test func noAttemptBeginsAfterTheOrder() {
        let pool = ExecutorPoolTests.pool(1)
        let executor = pool.executors[0]
        let after = Lock(0)
        for round in 0..<200 {
            executor.apply(drained: false, weight: nil, at: Nanoseconds(round + 1))
            let thread = Transport.Thread(name: "worker") {
                for _ in 0..<20 {
                    guard case .executor(let chosen, _) = pool.choose(at: 1) else { continue }
                    pool.release(chosen, began: 1, at: 1)
                }
            }
            executor.apply(drained: true, weight: nil, at: Nanoseconds(round + 1))
            if case .executor = pool.choose(at: 1) { after.withLock { $0 += 1 } }
            thread.join()
            #expect(executor.running == 0)
        }
        #expect(after.withLock { $0 } == 0)
    }
}
