import Inference
import Routing
import Testing
import Transport

@testable import Edge

@Suite struct ExecutorSelectionTests {
    private let second: Nanoseconds = 1_000_000_000
    private let budget = RetryBudget()

    private func selection(_ models: String, waitMax: Nanoseconds = 8_000_000_000) throws -> ExecutorSelection {
        let snapshot = try testSnapshot(models: models)
        return ExecutorSelection(
            pools: snapshot.models.map(\.pool),
            request: RoutingRequest(promptBytes: 10),
            limits: AdmissionLimits(waitMax: waitMax, queueMax: 10),
            budget: budget
        )
    }

    private func next(
        _ selection: inout ExecutorSelection,
        after cause: ExecutorSelection.Cause,
        at now: Nanoseconds
    ) -> ExecutorSelection.Step {
        selection.next(after: cause, at: now) { _ in }
    }

    private func fail(_ selection: inout ExecutorSelection, _ failure: Failure, _ lease: ExecutorLease) {
        selection.failed(failed(failure, lease), at: second)
    }

    private func failed(_ failure: Failure, _ lease: ExecutorLease) -> FailedAttempt {
        FailedAttempt(
            executor: lease.executor,
            pool: lease.pool,
            placement: lease.placement,
            failure: failure,
            duration: 1
        )
    }

    private func reported(_ step: ExecutorSelection.Step) -> Failure? {
        if case .report(let failure) = step { failure } else { nil }
    }

    private func lease(_ step: ExecutorSelection.Step) throws -> ExecutorLease {
        guard case .attempt(let lease) = step else { throw DocumentedTable.Problem(text: "\(step)") }
        return lease
    }

    @Test func anExecutorThatHasFailedIsNotAskedAgain() throws {
        var selection = try selection("- {id: m, executors: [{url: 'http://one:1'}, {url: 'http://two:1'}]}")
        let failure = Failure(.executorUnreachable)
        var seen: Set<Int> = []
        var cause = ExecutorSelection.Cause.arrival
        for _ in 0..<2 {
            var lease = try lease(next(&selection, after: cause, at: second))
            #expect(seen.insert(lease.executor.id).inserted)
            lease.end(at: second)
            fail(&selection, failure, lease)
            cause = .failure(failure)
        }
        #expect(reported(next(&selection, after: cause, at: second)) == failure && selection.attempts == 2)
        selection.ended(at: second)
    }

    @Test func allWaitsAreSummed() throws {
        var selection = try selection("- {id: m, executors: [{url: 'http://one:1', max_running: 1}]}")
        var first = try lease(next(&selection, after: .arrival, at: second))
        var other = try lease(from: &selection, at: second)
        #expect(other == nil, "it is full")
        #expect(selection.wait.isUnderWay && selection.waitLeft(at: 3 * second) == 6 * second)
        selection.stopWaiting(at: 4 * second)
        #expect(!selection.wait.isUnderWay && selection.waitLeft(at: 100 * second) == 5 * second)
        other = try lease(from: &selection, at: 100 * second)
        #expect(other == nil && selection.wait.total(at: 101 * second) == 4 * second)
        #expect(selection.waitLeft(at: 200 * second) == 0)
        #expect(reported(next(&selection, after: .waitOver, at: 106 * second))?.kind == .queueTimeout)
        first.end(at: 106 * second)
        selection.ended(at: 106 * second)
    }

    private func lease(from selection: inout ExecutorSelection, at now: Nanoseconds) throws -> ExecutorLease? {
        switch next(&selection, after: .arrival, at: now) {
        case .attempt(let lease): lease
        case .wait: nil
        case .waitForBudget, .report: throw DocumentedTable.Problem(text: "neither served nor waiting")
        }
    }

    /// An exchange that has left a queue does not use an executor which that queue still grants, even if it waits in
    /// another queue.
    @Test func aGrantOfAQueueThatWasLeftIsNotTaken() throws {
        let snapshot = try testSnapshot(
            models: """
                - {id: m, executors: [{url: 'http://one:1', max_running: 1}]}
                - {id: n, executors: [{url: 'http://two:1', max_running: 1}]}
                """
        )
        let pools = snapshot.models.map(\.pool)
        var granted: [Grant] = []
        let grants = Lock<[Grant]>([])
        func full(_ pool: ExecutorPool) throws -> Executor {
            guard case .executor(let executor, _) = pool.choose(at: second) else {
                throw DocumentedTable.Problem(text: "full")
            }
            return executor
        }
        let (one, two) = (try full(pools[0]), try full(pools[1]))
        var selection = ExecutorSelection(
            pools: pools,
            request: RoutingRequest(promptBytes: 10),
            limits: AdmissionLimits(waitMax: 8 * second, queueMax: 10),
            budget: budget
        )
        _ = selection.next(after: .arrival, at: second) { end in
            if case .granted(let grant) = end { grants.withLock { $0.append(grant) } }
        }
        pools[0].release(one, began: second, at: second)
        granted = grants.withLock { $0 }
        try #require(granted.count == 1)
        // Before the exchange learns of the granted executor, its attempt fails, and it waits for the fallback model.
        let failed = Failure(.executorUnreachable)
        selection.failed(
            FailedAttempt(executor: one, pool: pools[0], placement: granted[0].placement, failure: failed, duration: 1),
            at: second
        )
        let step = selection.next(after: .failure(failed), at: second) { end in
            if case .granted(let grant) = end { grants.withLock { $0.append(grant) } }
        }
        guard case .wait = step else { throw DocumentedTable.Problem(text: "\(step)") }
        #expect(pools[1].waitingCount == 1 && selection.granted(granted[0], at: second) == nil)
        granted[0].giveBack(at: second)
        pools[1].release(two, began: second, at: second)
        var lease = selection.granted(try #require(grants.withLock { $0.last }), at: second)
        #expect(lease?.executor === two && one.running == 0)
        lease?.end(at: second)
        selection.ended(at: second)
        #expect(two.running == 0 && pools.allSatisfy { $0.waitingCount == 0 })
    }

    @Test func aBudgetedRetryHoldsOnePlaceUntilItSucceeds() throws {
        var selection = try selection("- {id: m, executors: [{url: 'http://one:1'}, {url: 'http://two:1'}]}")
        var first = try lease(next(&selection, after: .arrival, at: second))
        first.end(at: second)
        let failure = Failure(executorStatus: 503)
        fail(&selection, failure, first)
        _ = try lease(next(&selection, after: .failure(failure), at: second))
        #expect(budget.underWay == 1)
        selection.releaseRetry()
        #expect(budget.underWay == 0)
        selection.releaseRetry()
        selection.ended(at: second)
        #expect(budget.underWay == 0)
    }

    @Test func withoutRoomInTheBudgetTheFailureIsKept() throws {
        var selection = try selection("- {id: m, executors: [{url: 'http://one:1'}, {url: 'http://two:1'}]}")
        var first = try lease(next(&selection, after: .arrival, at: second))
        first.end(at: second)
        while budget.take() {}
        let failure = Failure(executorStatus: 503)
        fail(&selection, failure, first)
        guard case .waitForBudget = next(&selection, after: .failure(failure), at: second) else {
            Issue.record("it did not wait for the budget")
            return
        }
        #expect(selection.postponed == failure && selection.wait.isUnderWay)
        budget.retryEnded()
        _ = try lease(next(&selection, after: .failure(failure), at: 2 * second))
        #expect(selection.postponed == nil && selection.wait.total(at: 9 * second) == second)
        selection.ended(at: 2 * second)
    }
}
