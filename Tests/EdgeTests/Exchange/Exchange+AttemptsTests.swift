import Foundation
import HTTP
import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

/// An exchange that has no executor waits, tries another executor, falls back or fails, within its limits.
@Suite struct ExchangeAttemptsTests {
    private func environment(_ models: String, settings: String = "") throws -> TestEnvironment {
        TestEnvironment(try testSnapshot(models: models, settings: settings))
    }

    /// A model `m` with two executors; the second one takes one exchange at a time.
    private let deadAndSmall = """
        - id: m
          balance: round-robin
          executors: [{url: 'http://dead:1'}, {url: 'http://small:1', max_running: 1}]
        """

    private func executor(_ name: String, of environment: TestEnvironment) throws -> PlayedExecutor {
        try #require(environment.executors.last { $0.name.contains(name) && $0.handler != nil })
    }

    private func answer(_ executor: PlayedExecutor) {
        executor.answer()
        executor.say(Said.token + Said.done)
        executor.end()
    }

    // MARK: A busy executor is not a dead one

    @Test func withOneExecutorDeadAndTheOtherFullNobodyFailsBeforeItsWaitIsOver() throws {
        let environment = try environment(deadAndSmall)
        let clients = try (0..<6).map { _ in try TestClient(environment) }
        for client in clients {
            client.ask()
            // Each attempt at the dead executor fails to connect.
            for dead in environment.executors where dead.name.contains("dead") { dead.fail(.connectTimeout) }
        }
        #expect(environment.finished.isEmpty, "all wait for the executor that is merely full")
        for round in 0..<6 {
            #expect(environment.finished.count == round)
            answer(try executor("small", of: environment))
            clients[0].settle()
        }
        #expect(environment.finished.allSatisfy { $0.end == .complete } && environment.finished.count == 6)
    }

    @Test func afterItsWaitItIsToldThatTheModelIsBusy() throws {
        let environment = try environment(deadAndSmall, settings: "admission: {max_wait: 2s}")
        let first = try TestClient(environment)
        let second = try TestClient(environment)
        for client in [first, second] {
            client.ask()
            for dead in environment.executors where dead.name.contains("dead") { dead.fail(.connectTimeout) }
        }
        second.pass(1_900_000_000)
        #expect(environment.finished.isEmpty)
        second.pass(200_000_000)
        let finished = try #require(environment.finished.first)
        #expect(finished.status == 429 && second.received.contains("retry-after: "))
        #expect(finished.queueWait.map { $0 >= 2_000_000_000 } == true)
    }

    @Test func aFullPoolIsWaitedForBeforeAFallbackAnswersAlsoAfterAFailure() throws {
        let environment = try environment(
            deadAndSmall.replacing("balance: round-robin", with: "balance: round-robin\n  fallbacks: [n]")
                + "\n- {id: n, executors: [{url: 'http://fallback:1'}]}",
            settings: "admission: {max_wait: 2s}"
        )
        let clients = try (0..<3).map { _ in try TestClient(environment) }
        for client in clients {
            client.ask()
            for dead in environment.executors where dead.name.contains("dead") { dead.fail(.connectTimeout) }
        }
        #expect(!environment.executors.contains { $0.name.contains("fallback") }, "its own model is only full")
        answer(try executor("small", of: environment))
        clients[0].settle()
        #expect(environment.finished.count == 1)
        // After `max_wait` without a free executor, the exchange is served by the fallback model instead of being
        // refused.
        clients[0].pass(2_100_000_000)
        #expect(environment.finished.count == 1)
        answer(try executor("fallback", of: environment))
        clients[0].settle()
        #expect(environment.finished.count == 2 && environment.finished.allSatisfy { $0.end == .complete })
    }

    @Test func aFallbackIsAskedWhereTheQueueOfTheModelTakesNoMore() throws {
        let environment = try environment(
            """
            - {id: m, fallbacks: [n], executors: [{url: 'http://small:1', max_running: 1}]}
            - {id: n, executors: [{url: 'http://fallback:1'}]}
            """,
            settings: "admission: {max_queue: 1}"
        )
        let clients = try (0..<3).map { _ in try TestClient(environment) }
        for client in clients { client.ask() }
        #expect(environment.executors.map(\.name).filter { $0.contains("fallback") }.count == 1)
        answer(try executor("fallback", of: environment))
        clients[0].settle()
        #expect(environment.finished.map(\.end) == [.complete])
    }

    @Test func alsoInSilenceAFullExecutorIsWaitedFor() throws {
        let environment = try environment(deadAndSmall, settings: "commit_after: 8100ms\nkeep_alive: 1s")
        let first = try TestClient(environment)
        let second = try TestClient(environment)
        first.ask()
        second.ask()
        try #require(environment.executors.count == 2)
        second.pass(8_500_000_000)
        let (dead, _) = (try executor("dead", of: environment), try executor("small", of: environment))
        dead.fail()
        let waiting = try #require(environment.exchanges.first { $0.phase == .waitingInQueue })
        let before = first.received.components(separatedBy: ": keep-alive").count
        second.pass(2_500_000_000)
        #expect(waiting.phase == .waitingInQueue)
        #expect(first.received.components(separatedBy: ": keep-alive").count > before, "comments go on")
        answer(try executor("small", of: environment))
        second.settle()
        #expect(waiting.phase == .waiting)
        answer(try executor("small", of: environment))
        second.settle()
        #expect(environment.finished.count == 2 && environment.finished.allSatisfy { $0.end == .complete })
    }

    // MARK: Known states of executors

    private let withFallback = """
        - {id: m, fallbacks: [n], executors: [{url: 'http://own:1'}]}
        - {id: n, executors: [{url: 'http://fallback:1'}]}
        """

    private func eject(_ model: String, _ environment: TestEnvironment, _ scope: FaultScope) {
        let pool = environment.snapshot.pool(of: model)
        for _ in 0..<3 { pool.report(.fault(scope), of: pool.members[0].executor, at: environment.loop.now) }
    }

    @Test func aPoolThatIsKnownToBeBadIsLeftForItsFallbackAtOnce() throws {
        let environment = try environment(withFallback)
        eject("m", environment, .connection)
        let client = try TestClient(environment)
        client.ask()
        #expect(environment.executors.map { $0.name.contains("fallback") } == [true])
    }

    @Test func whereNoPoolIsWellOneThatAnswersAtOnceIsTried() throws {
        let environment = try environment(withFallback)
        eject("m", environment, .connection)
        eject("n", environment, .connectTimeout)
        let client = try TestClient(environment)
        client.ask()
        #expect(environment.executors.map { $0.name.contains("own") } == [true])
    }

    @Test func aDeadPoolIsToldAtOnceWithItsCause() throws {
        let environment = try environment("- {id: m, executors: [{url: 'http://one:1'}]}")
        eject("m", environment, .connectTimeout)
        let client = try TestClient(environment)
        client.ask()
        #expect(environment.executors.isEmpty && client.status == 503)
        guard case .failed(let failure)? = environment.finished.first?.end else {
            Issue.record("it did not fail")
            return
        }
        #expect(failure.kind == .noExecutor && failure.detail?.hasPrefix("of 1 executors 0 are dead") == true)
    }

    // MARK: Limits of an exchange

    @Test func nobodyHasMoreThanSixAttempts() throws {
        let environment = try environment("- {id: m, executors: [{url: 'http://one:1'}, {url: 'http://two:1'}]}")
        let client = try TestClient(environment)
        client.ask()
        for _ in 0..<200 where environment.finished.isEmpty {
            if let asked = environment.executors.last, asked.handler != nil {
                asked.refuse(429)
            }
            client.pass(100_000_000)
        }
        let finished = try #require(environment.finished.first)
        #expect(finished.attempts.count <= 6 && finished.status == 429)
        #expect(finished.ended - finished.began <= 8_100_000_000)
        #expect(finished.queueWait.map { $0 <= 8_000_000_000 } == true)
    }

    /// An exchange may wait several times, but all its waits together never exceed `max_wait`.
    ///
    /// The executor answers 429 after a while, so the exchange waits again. In the end the client gets an error status.
    @Test func allWaitsTogetherHaveATotal() throws {
        let environment = try environment(
            "- {id: m, executors: [{url: 'http://one:1'}]}",
            settings: "admission: {max_wait: 3s}\ncommit_after: 20s"
        )
        let client = try TestClient(environment)
        client.ask()
        for _ in 0..<400 where environment.finished.isEmpty {
            client.pass(50_000_000)
            guard let asked = environment.executors.last, asked.handler != nil else { continue }
            client.pass(500_000_000)
            asked.refuse(429)
        }
        let finished = try #require(environment.finished.first)
        #expect(finished.status == 429 && finished.attempts.count <= 6)
        #expect(finished.queueWait.map { $0 <= 3_100_000_000 } == true)
    }

    @Test func silentExecutorsCostTwoFirstEventTimes() throws {
        let executors = (1...6).map { "{url: 'http://e\($0):1'}" }.joined(separator: ", ")
        let environment = try environment(
            "- {id: m, executors: [\(executors)]}",
            settings: "timeouts: {first_event: 1s}"
        )
        let client = try TestClient(environment)
        client.ask()
        client.pass(1_900_000_000)
        #expect(environment.executors.count == 2 && environment.finished.isEmpty)
        client.pass(200_000_000)
        #expect(environment.executors.count == 2)
        #expect(environment.finished.first?.status == 504 && environment.retries.underWay == 0)
    }

    // MARK: The retry budget

    @Test func anExchangeHoldsOnePlaceOfTheBudgetAndNoneWhileItWaits() throws {
        let environment = try environment("- {id: m, executors: [{url: 'http://one:1'}, {url: 'http://two:1'}]}")
        let client = try TestClient(environment)
        client.ask()
        environment.executors[0].refuse(503)
        #expect(environment.executors.count == 2 && environment.retries.underWay == 1)
        environment.executors[1].refuse(429)
        #expect(client.exchange.phase == .queued && environment.retries.underWay == 0)
        client.pass(1_300_000_000)
        try #require(environment.executors.count == 3)
        answer(environment.executors[2])
        client.settle()
        #expect(environment.finished.first?.end == .complete && environment.retries.underWay == 0)
    }

    /// An exchange counts against the limit of simultaneous retries only while its retry runs.
    ///
    /// It does not count while it waits in a queue or sends an error, and counts again when it retries later.
    @Test func placesOfTheBudgetAreGivenBackAndTakenAgain() throws {
        let environment = try environment("- {id: m, executors: [{url: 'http://one:1'}]}")
        let client = try TestClient(environment)
        client.ask()
        environment.executors[0].refuse(503)
        #expect(client.exchange.phase == .finishing && environment.retries.underWay == 0)
        client.settle()
        let small = try self.environment(
            "- {id: m, balance: round-robin, executors: [{url: 'http://one:1'}, {url: 'http://two:1', max_running: 1}]}"
        )
        let clients = try (0..<3).map { _ in try TestClient(small) }
        clients[0].ask()
        clients[1].ask()
        small.executors[0].refuse(503)
        #expect(small.exchanges[0].phase == .queued && small.retries.underWay == 0)
        answer(small.executors[1])
        clients[0].settle()
        #expect(small.exchanges[0].phase == .attempt && small.retries.underWay == 1)
        answer(small.executors[2])
        clients[0].settle()
        #expect(small.retries.underWay == 0)
    }

    @Test func withoutRoomInTheBudgetARetryWaitsAndThenGoes() throws {
        let environment = try environment("- {id: m, executors: [{url: 'http://one:1'}, {url: 'http://two:1'}]}")
        let client = try TestClient(environment)
        while environment.retries.take() {}
        client.ask()
        environment.executors[0].refuse(503)
        client.pass(500_000_000)
        #expect(environment.executors.count == 1 && client.exchange.phase == .queued)
        environment.retries.retryEnded()
        client.pass(100_000_000)
        #expect(environment.executors.count == 2 && client.exchange.phase == .attempt)
    }

    @Test func withoutRoomForTooLongTheFailureIsTold() throws {
        let environment = try environment(
            "- {id: m, executors: [{url: 'http://one:1'}, {url: 'http://two:1'}]}",
            settings: "admission: {max_wait: 1s}"
        )
        let client = try TestClient(environment)
        while environment.retries.take() {}
        client.ask()
        environment.executors[0].refuse(503)
        client.pass(1_100_000_000)
        #expect(client.status == 503 && environment.finished.first?.attempts.count == 1)
    }

    // MARK: The way back

    /// After a 429 the exchange waits for its own model, ahead of later requests, and not for a full fallback model.
    @Test func afterABusyAnswerItsOwnModelIsWaitedForFirst() throws {
        let environment = try environment(
            """
            - {id: m, fallbacks: [n], executors: [{url: 'http://own:1'}]}
            - {id: n, executors: [{url: 'http://fallback:1', max_running: 1}]}
            """
        )
        let other = try TestClient(environment)
        other.ask(chat(model: "n"))
        let clients = try (0..<3).map { _ in try TestClient(environment) }
        clients[0].ask()
        clients[1].ask()
        let asked = environment.executors.filter { $0.name.contains("own") }
        try #require(asked.count == 2)
        asked[1].refuse(429)
        #expect(environment.exchanges[2].phase == .queued)
        clients[2].ask()
        #expect(environment.exchanges[3].phase == .queued, "one at a time is what the 429 has taught")
        answer(asked[0])
        clients[0].settle()
        #expect(environment.exchanges[2].phase == .attempt && environment.exchanges[3].phase == .queued)
        #expect(environment.executors.filter { $0.name.contains("fallback") }.count == 1)
    }

    @Test func aClientThatLeavesWhileItWaitsIsGivenNobody() throws {
        let environment = try environment("- {id: m, executors: [{url: 'http://one:1', max_running: 1}]}")
        let clients = try (0..<2).map { _ in try TestClient(environment) }
        for client in clients { client.ask() }
        clients[1].leave()
        #expect(environment.finished.first?.end == .clientLeft)
        let executor = environment.executors[0]
        answer(executor)
        clients[0].settle()
        #expect(environment.executors.count == 1 && executor.target.executor.running == 0)
    }
}
