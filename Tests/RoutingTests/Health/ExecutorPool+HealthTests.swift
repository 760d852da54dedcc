import Testing

@testable import Routing

/// Executors are ejected after faults, get one request as a trial, and are used again if the trial succeeds.
@Suite struct ExecutorPoolHealthTests {
    private let second: UInt64 = 1_000_000_000

    private func pool(_ count: Int) -> ExecutorPool { ExecutorPoolTests.pool(count) }
    private func fail(_ pool: ExecutorPool, _ index: Int, times: Int = 3, at now: UInt64) {
        for _ in 0..<times { pool.report(.fault(.connection), of: pool.executors[index], at: now) }
    }

    @Test func threeFaultsInARowEject() {
        let pool = pool(2)
        fail(pool, 0, times: 2, at: 0)
        pool.report(.good, of: pool.executors[0], at: 0)
        fail(pool, 0, times: 2, at: 0)
        #expect(pool.health(of: pool.executors[0]) == .healthy)
        fail(pool, 0, times: 1, at: 0)
        #expect(pool.health(of: pool.executors[0]) == .ejected(until: 3 * second))
        #expect((0..<50).allSatisfy { _ in pool.chosen(at: 1) == 1 })
    }

    // MARK: Faults after the first event

    /// Reports to the pool that executor 0 began to answer well, and that its answer then broke off.
    private func breakStream(_ pool: ExecutorPool, at now: UInt64, _ scope: FaultScope = .answer) {
        pool.report(.good, of: pool.executors[0], at: now)
        pool.report(.lateFault(scope), of: pool.executors[0], at: now)
    }

    @Test func threeStreamsThatBreakEjectThoughEachHasBegunWell() {
        let pool = pool(2)
        for _ in 0..<2 { breakStream(pool, at: 0) }
        #expect(pool.health(of: pool.executors[0]) == .healthy)
        breakStream(pool, at: 0)
        #expect(pool.health(of: pool.executors[0]) == .ejected(until: 3 * second))
        #expect(pool.executors[0].cause == .faults(.answer))
    }

    @Test func aStreamThatEndsWholeInBetweenBeginsTheCountAnew() {
        let pool = pool(2)
        for _ in 0..<10 {
            for _ in 0..<2 { breakStream(pool, at: 0) }
            pool.report(.good, of: pool.executors[0], at: 0)
            pool.report(.whole, of: pool.executors[0], at: 0)
        }
        #expect(pool.health(of: pool.executors[0]) == .healthy)
    }

    @Test func faultsBeforeAndAfterTheFirstEventCountTogether() {
        let pool = pool(2)
        breakStream(pool, at: 0)
        pool.report(.fault(.answer), of: pool.executors[0], at: 0)
        #expect(pool.health(of: pool.executors[0]) == .healthy)
        pool.report(.fault(.answer), of: pool.executors[0], at: 0)
        #expect(pool.health(of: pool.executors[0]) != .healthy)
        // Faults before the first event are counted. A response that begins well sets this count to 0.
        let other = self.pool(2)
        for _ in 0..<10 {
            for _ in 0..<2 { other.report(.fault(.answer), of: other.executors[0], at: 0) }
            other.report(.good, of: other.executors[0], at: 0)
        }
        #expect(other.health(of: other.executors[0]) == .healthy)
    }

    /// The trial of an ejected executor is one request, and ends with the first event of its response.
    ///
    /// It does not wait for the end of the stream, which may run for minutes. If the stream breaks later, the executor
    /// is ejected again.
    @Test func whatBreaksStreamsIsBackOnTrialUntilOneEndsWhole() {
        let pool = pool(2)
        for _ in 0..<3 { breakStream(pool, at: 0) }
        #expect(pool.chosen(at: 3 * second) == 0)
        pool.report(.good, of: pool.executors[0], at: 3 * second)
        #expect(pool.health(of: pool.executors[0]) == .healthy)
        pool.report(.lateFault(.answer), of: pool.executors[0], at: 4 * second)
        #expect(pool.health(of: pool.executors[0]) == .ejected(until: 10 * second))
        #expect(pool.chosen(at: 10 * second) == 0)
        pool.report(.good, of: pool.executors[0], at: 10 * second)
        pool.report(.whole, of: pool.executors[0], at: 11 * second)
        for _ in 0..<2 { breakStream(pool, at: 12 * second) }
        #expect(pool.health(of: pool.executors[0]) == .healthy)
    }

    /// A draining engine completes its streams but refuses connections, so a completed stream does not reset the
    /// count of connection faults.
    @Test func aStreamThatEndsWholeSaysNothingOfConnections() {
        let pool = pool(2)
        fail(pool, 0, times: 2, at: 0)
        pool.report(.whole, of: pool.executors[0], at: 0)
        fail(pool, 0, times: 1, at: 0)
        #expect(pool.health(of: pool.executors[0]) == .ejected(until: 3 * second))
        pool.report(.whole, of: pool.executors[0], at: 1)
        #expect(pool.health(of: pool.executors[0]) == .ejected(until: 3 * second))
    }

    @Test func aStallIsItsEnginesWhereModelsShareIt() {
        for isShared in [false, true] {
            let pool = pool(2)
            pool.executors[0].engine.update(runningMax: nil, modelsShareCapacity: isShared)
            for _ in 0..<3 { breakStream(pool, at: 0, .timeout) }
            #expect(pool.executors[0].engine.isEjected == isShared && pool.executors[0].isEjectedAlone == !isShared)
        }
    }

    /// A stream that breaks during a trial began before it, so it does not decide the trial.
    ///
    /// A trial is one request to an ejected executor, which shows whether the executor works again.
    @Test func aStreamThatBreaksDecidesNoTrial() {
        let pool = pool(2)
        for _ in 0..<3 { pool.report(.fault(.answer), of: pool.executors[0], at: 0) }
        #expect(pool.chosen(at: 3 * second) == 0)
        pool.report(.lateFault(.answer), of: pool.executors[0], at: 3 * second)
        #expect(pool.health(of: pool.executors[0]) == .trial(since: 3 * second))
        pool.report(.good, of: pool.executors[0], at: 4 * second)
        #expect(pool.health(of: pool.executors[0]) == .healthy)
    }

    @Test func whatSaysNothingOfTheExecutorIsNoFault() {
        let pool = pool(2)
        for _ in 0..<10 { pool.report(.neither, of: pool.executors[0], at: 0) }
        #expect(pool.health(of: pool.executors[0]) == .healthy)
    }

    @Test func oneRequestTriesIt() {
        let pool = pool(2)
        fail(pool, 0, at: 0)
        #expect(pool.chosen(at: 3 * second) == 0 && pool.chosen(at: 3 * second) == 1, "one, not two")
        pool.report(.fault(.connection), of: pool.executors[0], at: 4 * second)
        #expect(pool.health(of: pool.executors[0]) == .ejected(until: 10 * second), "longer each time")
        #expect(pool.chosen(at: 10 * second) == 0)
        pool.report(.good, of: pool.executors[0], at: 10 * second)
        #expect(pool.health(of: pool.executors[0]) == .healthy)
    }

    @Test func ejectionsHaveAnEnd() {
        let pool = pool(2)
        var now: UInt64 = 0
        fail(pool, 0, at: now)
        for _ in 0..<40 {
            now += 61 * second
            #expect(pool.chosen(at: now) == 0)
            pool.report(.fault(.connection), of: pool.executors[0], at: now)
        }
        #expect(pool.health(of: pool.executors[0]) == .ejected(until: now + 60 * second))
    }

    @Test func aTrialThatToldNothingIsTriedAgain() {
        let pool = pool(2)
        fail(pool, 0, at: 0)
        #expect(pool.chosen(at: 4 * second) == 0)
        pool.report(.neither, of: pool.executors[0], at: 5 * second)
        #expect(pool.chosen(at: 5 * second) == 0)
    }

    @Test func itComesBackSlowly() {
        let pool = pool(2)
        fail(pool, 0, at: 0)
        _ = pool.chosen(at: 4 * second)
        pool.report(.good, of: pool.executors[0], at: 4 * second)
        pool.executors[0].attemptEnded()
        for _ in 0..<44 { _ = pool.chosen(at: 4 * second) }
        #expect((3...6).contains(pool.executors[0].running), "a tenth at first")
        for _ in 0..<44 { _ = pool.chosen(at: 15 * second) }
        #expect((43...46).contains(pool.executors[0].running))
    }

    /// An executor is usable also for a worker whose clock is slightly behind the recorded time of its recovery.
    ///
    /// Each worker reads its clock once in a turn of its loop, so the clocks of two workers differ.
    @Test func aClockThatIsATurnBehindIsNoFault() {
        let pool = pool(2)
        fail(pool, 0, at: 0)
        #expect(pool.chosen(at: 4 * second) == 0)
        pool.report(.good, of: pool.executors[0], at: 4 * second)
        for _ in 0..<20 { #expect(pool.chosen(at: 4 * second - 1_000_000) != nil) }
    }

    @Test func neverMoreThanHalfIsLeftOut() {
        let pool = pool(3)
        for index in 0..<2 { fail(pool, index, at: 0) }
        #expect(pool.statuses(at: 1).map(\.isUsable) == [false, false, true], "what is known is shown")
        #expect(Set((0..<50).compactMap { _ in pool.chosen(at: 1) }) == [1, 2])
        fail(pool, 2, at: 0)
        #expect(pool.statuses(at: 1).allSatisfy { !$0.isUsable })
        #expect(Set((0..<50).compactMap { _ in pool.chosen(at: 1) }) == [0, 1, 2])
    }

    @Test func thePoolOfOneKnowsThatItIsBadAndUsesIt() {
        let alone = pool(1)
        fail(alone, 0, at: 0)
        #expect(alone.health(of: alone.executors[0]) == .ejected(until: 3 * second))
        #expect(!alone.statuses(at: 1)[0].isUsable && alone.chosen(at: 1) == 0)
    }

    /// An engine whose health probes have failed is never chosen while another engine works.
    ///
    /// Failed requests eject at most half of a pool, but this limit does not apply to failed probes.
    @Test func theDeadAreNotUsedWhileAnotherLives() {
        let pool = pool(3)
        for index in 0..<2 {
            for _ in 0..<3 { pool.report(.failed, of: pool.executors[index], rise: 2, fall: 3, at: 0) }
        }
        #expect(pool.executors.map(\.engine.isDead) == [true, true, false])
        #expect((0..<50).allSatisfy { _ in pool.chosen(at: 1) == 2 })
    }

    @Test func whereAllAreDeadNobodyIsUsed() {
        for count in 1...2 {
            let pool = pool(count)
            for executor in pool.executors {
                for _ in 0..<3 { pool.report(.failed, of: executor, rise: 2, fall: 3, at: 0) }
            }
            #expect(pool.chosen(at: 1) == nil && pool.chosen(at: 100 * second) == nil)
            // Two passed health probes make the executor usable again, without a request as a trial.
            for _ in 0..<2 { pool.report(.passed, of: pool.executors[0], rise: 2, fall: 3, at: 100 * second) }
            #expect(pool.chosen(at: 100 * second) == 0)
        }
    }

    /// The only executor of a pool is not used while it is ejected because connections to it time out.
    ///
    /// Each further request would only wait for the connect timeout.
    @Test func inAPoolOfOneAConnectionThatIsNotAcceptedIsNotWaitedFor() {
        let pool = pool(1)
        for _ in 0..<3 { pool.report(.fault(.connectTimeout), of: pool.executors[0], at: 100 * second) }
        #expect(pool.chosen(at: 101 * second) == nil)
        #expect(pool.chosen(at: 103 * second) == 0, "one request tries it")
        #expect(pool.chosen(at: 103 * second) == nil)
    }

    /// The only executor of a pool is used in spite of timeouts.
    ///
    /// It accepts requests and may still answer, for example after it has loaded a model.
    @Test func inAPoolOfOneASlowExecutorIsUsed() {
        let pool = pool(1)
        for _ in 0..<3 { pool.report(.fault(.timeout), of: pool.executors[0], at: 100 * second) }
        #expect(pool.chosen(at: 101 * second) == 0)
    }

    @Test func oneThatIsHeardOfIsOnlySlow() {
        let pool = pool(1)
        pool.executors[0].engine.heard(at: 90 * second)
        for _ in 0..<3 { pool.report(.timedOut, of: pool.executors[0], rise: 2, fall: 3, at: 100 * second) }
        #expect(!pool.executors[0].engine.isDead && pool.chosen(at: 101 * second) == nil)
        pool.executors[0].engine.heard(at: 101 * second)
        #expect(pool.chosen(at: 102 * second) == 0)
    }

    @Test func aRequestWithABetterPoolUsesNobodyWhoIsBad() {
        let pool = pool(1)
        var request = RoutingRequest()
        request.usesBad = false
        guard case .executor = pool.choose(request, at: 0) else {
            Issue.record("it is well, and was not chosen")
            return
        }
        for _ in 0..<3 { pool.report(.fault(.answer), of: pool.executors[0], at: 0) }
        guard case .none = pool.choose(request, at: 1) else {
            Issue.record("a bad one was chosen")
            return
        }
        #expect(pool.chosen(at: 1) == 0)
    }

    @Test func whenAllAreBadAllAreUsed() {
        let pool = pool(2)
        for index in 0..<2 {
            for _ in 0..<3 { pool.report(.notReady, of: pool.executors[index], rise: 2, fall: 3, at: 0) }
        }
        #expect(Set((0..<20).compactMap { _ in pool.chosen() }) == [0, 1])
    }

    @Test func probesEjectAndBringBack() {
        let pool = pool(2)
        func probe(_ probe: ExecutorHealth.Probe, at now: UInt64) {
            pool.report(probe, of: pool.executors[0], rise: 2, fall: 3, at: now)
        }
        probe(.failed, at: 0)
        probe(.failed, at: 2 * second)
        probe(.passed, at: 4 * second)
        for step in 0..<3 { probe(.failed, at: UInt64(6 + 2 * step) * second) }
        #expect(pool.health(of: pool.executors[0]) == .ejected(until: 13 * second))
        #expect(pool.chosen(at: 20 * second) == 1, "what probes find dead is not tried")
        probe(.passed, at: 20 * second)
        #expect(pool.chosen(at: 20 * second) == 1)
        probe(.passed, at: 22 * second)
        #expect(pool.health(of: pool.executors[0]) == .healthy, "no request has to try it")
        pool.report(.fault(.connection), of: pool.executors[0], at: 23 * second)
        #expect(pool.health(of: pool.executors[0]) != .healthy, "its first fault ejects it again")
    }

    @Test func successInTrafficBeatsAFailedProbe() {
        let pool = pool(2)
        for step in 0..<10 {
            pool.report(.good, of: pool.executors[0], at: UInt64(2 * step) * second)
            pool.report(.failed, of: pool.executors[0], rise: 2, fall: 3, at: UInt64(2 * step + 1) * second)
        }
        #expect(pool.health(of: pool.executors[0]) == .healthy)
    }

    @Test func loadingIsNotReadyAndNoFault() {
        let pool = pool(2)
        pool.report(.notReady, of: pool.executors[0], rise: 2, fall: 3, at: 0)
        #expect((0..<20).allSatisfy { _ in pool.chosen(at: 1) == 1 })
        #expect(pool.health(of: pool.executors[0]) == .healthy)
        pool.report(.passed, of: pool.executors[0], rise: 2, fall: 3, at: second)
        #expect(Set((0..<20).compactMap { _ in pool.chosen(at: second) }).contains(0))
    }
}
