import HTTP
import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

/// Whether a failed attempt is the fault of its executor or of the request.
@Suite struct PendingChargesTests {
    private let second: Nanoseconds = 1_000_000_000

    /// A model whose executors take turns.
    private func environment(_ executors: String..., settings: String = "") throws -> TestEnvironment {
        let list = executors.map { $0.hasPrefix("{") ? $0 : "{url: 'http://\($0):1'}" }.joined(separator: ", ")
        return TestEnvironment(
            try testSnapshot(models: "- {id: m, balance: round-robin, executors: [\(list)]}", settings: settings)
        )
    }

    /// The caller keeps all clients until the end, because a released client also releases the shared environment.
    private func clients(_ count: Int, of environment: TestEnvironment) throws -> [TestClient] {
        try (0..<count).map { _ in try TestClient(environment) }
    }

    private func answer(_ executor: PlayedExecutor) {
        executor.answer()
        executor.say(Said.token + Said.done)
        executor.end()
    }

    private func pool(_ environment: TestEnvironment) -> ExecutorPool { environment.snapshot.pool(of: "m") }

    /// Whether the executor at this index of the configuration is healthy.
    private func isHealthy(_ place: Int, _ environment: TestEnvironment) -> Bool {
        pool(environment).members[place].executor.health == .healthy
    }

    /// Lets the executor of the latest unfinished request fail.
    private func fail(_ environment: TestEnvironment, _ failure: (PlayedExecutor) -> Void) throws {
        let executor = try #require(environment.executors.last { $0.handler != nil })
        executor.takeRequest()
        failure(executor)
    }

    private func answerLast(_ environment: TestEnvironment, _ client: TestClient) throws {
        answer(try #require(environment.executors.last { $0.handler != nil }))
        client.settle()
    }

    // MARK: 500

    @Test func a500IsTriedOnceElsewhere() throws {
        let environment = try environment("one", "two", "three")
        let client = try TestClient(environment)
        client.ask()
        try fail(environment) { $0.refuse(500) }
        #expect(environment.executors.count == 2 && environment.retries.underWay == 1)
        try fail(environment) { $0.refuse(500) }
        #expect(environment.executors.count == 2 && client.status == 500 && environment.retries.underWay == 0)
    }

    @Test func theOneThatSays500IsChargedIfAnotherAnswers() throws {
        let environment = try environment("one", "two")
        for client in try clients(3, of: environment) {
            client.ask()
            while environment.executors.last?.name.contains("one") != true {
                try answerLast(environment, client); client.ask()
            }
            try fail(environment) { $0.refuse(500) }
            #expect(isHealthy(0, environment), "nobody knows yet")
            try answerLast(environment, client)
        }
        #expect(!isHealthy(0, environment) && isHealthy(1, environment))
    }

    @Test func aRequestThatGets500EverywhereEjectsNobody() throws {
        let environment = try environment("one", "two")
        for client in try clients(6, of: environment) {
            client.ask()
            for _ in 0..<2 { try fail(environment) { $0.refuse(500) } }
            #expect(client.status == 500)
        }
        #expect(isHealthy(0, environment) && isHealthy(1, environment))
    }

    @Test func inAPoolOfOneA500IsToldAtOnce() throws {
        let environment = try environment("one")
        for client in try clients(4, of: environment) {
            client.ask()
            try fail(environment) { $0.refuse(500) }
            #expect(client.status == 500 && environment.finished.last?.attempts.count == 1)
        }
        #expect(isHealthy(0, environment))
    }

    // MARK: Requests that break executors

    @Test func aRequestThatBreaksThreeExecutorsIsToldAndChargedToNobodyWhoIsAlive() throws {
        let environment = try environment("one", "two", "three", "four")
        let client = try TestClient(environment)
        let engines = pool(environment).members.map(\.executor.engine)
        for poison in try clients(4, of: environment) {
            client.pass(second)
            for engine in engines { engine.heard(at: environment.loop.now) }
            poison.ask()
            let before = environment.executors.count
            for _ in 0..<3 { try fail(environment) { $0.fail(.closedBeforeHead) } }
            #expect(environment.executors.count == before + 2 && poison.status == 502)
        }
        for place in 0..<4 { #expect(isHealthy(place, environment), "\(place)") }
    }

    @Test func oneThatIsHeardOfByNobodyIsChargedForBreakingOff() throws {
        let environment = try environment("one")
        let client = try TestClient(environment)
        for _ in 0..<3 {
            client.pass(second)
            client.ask()
            try fail(environment) { $0.fail(.closedBeforeHead) }
            client.settle()
        }
        #expect(environment.finished.count == 3)
        #expect(environment.executors.count == 3 && !isHealthy(0, environment))
    }

    @Test func oneThatBreaksOffIsChargedOnceAnotherAnswersTheRequest() throws {
        let environment = try environment("one", "two")
        let engine = pool(environment).members[0].executor.engine
        for client in try clients(3, of: environment) {
            client.ask()
            while environment.executors.last?.name.contains("one") != true {
                try answerLast(environment, client); client.ask()
            }
            engine.heard(at: environment.loop.now)
            try fail(environment) { $0.fail(.closedBeforeHead) }
            try answerLast(environment, client)
        }
        #expect(!isHealthy(0, environment) && isHealthy(1, environment))
    }

    // MARK: Timeouts

    @Test func oneThatAnswersOthersMeanwhileIsBusyAndNotAtFault() throws {
        let environment = try environment("{url: 'http://one:1', kind: vllm}", settings: "timeouts: {first_event: 5s}")
        let other = try TestClient(environment)
        other.ask()
        environment.executors[0].answer()
        environment.executors[0].say(Said.token)
        var kept: [TestClient] = []
        for _ in 0..<4 {
            let client = try TestClient(environment)
            kept.append(client)
            client.ask()
            let silent = try #require(environment.executors.last)
            for _ in 0..<6 {
                client.pass(second)
                environment.executors[0].say(Said.token)
            }
            #expect(silent.isCancelled && client.status == 504 && !environment.executors[0].isCancelled)
        }
        #expect(kept.count == 4 && isHealthy(0, environment))
    }

    @Test func oneThatAnswersNobodyIsAtFault() throws {
        let environment = try environment(
            "{url: 'http://one:1', kind: vllm}",
            "{url: 'http://two:1', kind: vllm}",
            settings: "timeouts: {first_event: 5s}"
        )
        var kept: [TestClient] = []
        for _ in 0..<3 {
            let client = try TestClient(environment)
            kept.append(client)
            client.ask()
            client.pass(11 * second)
            #expect(client.status == 504)
        }
        #expect(kept.count == 3 && !isHealthy(0, environment) && !isHealthy(1, environment))
    }

    // MARK: Engines of another kind

    @Test func aMissingPathIsAskedForOnceAtAnotherKind() throws {
        let environment = try environment(
            "{url: 'http://one:1', kind: vllm}",
            "{url: 'http://two:1', kind: vllm}",
            "{url: 'http://three:1', kind: sglang}",
            "{url: 'http://four:1', kind: ollama}"
        )
        let client = try TestClient(environment)
        client.ask()
        let before = try #require(environment.executors.last).target.kind
        try fail(environment) { $0.sayNoSuchPath() }
        #expect(environment.executors.count == 2 && environment.executors[1].target.kind != before)
        try fail(environment) { $0.sayNoSuchPath() }
        #expect(environment.executors.count == 2 && client.status == 404)
        for place in 0..<4 { #expect(isHealthy(place, environment)) }
    }

    @Test func aMissingPathIsToldWhereTheOtherKindCannotBeReached() throws {
        let environment = try environment("{url: 'http://one:1', kind: vllm}", "{url: 'http://two:1', kind: ollama}")
        let client = try TestClient(environment)
        client.ask()
        try fail(environment) { $0.sayNoSuchPath() }
        try #require(environment.executors.count == 2)
        environment.executors[1].fail(.connectTimeout)
        #expect(environment.executors.count == 2 && client.status == 404)
    }

    /// After a 404, an executor of the same kind is not asked, because it would lack the path, too.
    ///
    /// An executor of another kind, which a fallback model has, is asked.
    @Test func whereAllAreOfOneKindAFallbackMayHaveThePath() throws {
        let environment = TestEnvironment(
            try testSnapshot(
                models: """
                    - id: m
                      fallbacks: [n]
                      executors: [{url: 'http://one:1', kind: vllm}, {url: 'http://two:1', kind: vllm}]
                    - {id: n, executors: [{url: 'http://three:1', kind: ollama}]}
                    """
            )
        )
        let client = try TestClient(environment)
        client.ask()
        try fail(environment) { $0.sayNoSuchPath() }
        #expect(environment.executors.count == 2 && environment.executors[1].name == "http://three:1")
        try fail(environment) { $0.sayNoSuchPath() }
        #expect(environment.executors.count == 2 && client.status == 404)
    }
}

extension PlayedExecutor {
    fileprivate func refuse(_ status: Int) {
        answer(status, type: "application/json")
        end()
    }

    fileprivate func sayNoSuchPath() {
        answer()
        say("data: {\"error\":{\"message\":\"Not Found\",\"code\":404}}\n\n")
    }
}
