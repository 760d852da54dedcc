import Foundation
import HTTP
import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

/// Requests for a model that its engine still loads wait for a limited time; clients get keep-alives meanwhile.
@Suite struct LoadWaitTests {
    private let second: UInt64 = 1_000_000_000
    private static let loading = #"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#

    private func environment(
        _ executors: String = "{url: 'http://one:1'}",
        model: String = "",
        more: String = "",
        settings: String = ""
    ) throws -> TestEnvironment {
        let models = "- {id: m\(model), executors: [\(executors)]}\n\(more)"
        return TestEnvironment(try testSnapshot(models: models, settings: settings))
    }
    private func engine(_ environment: TestEnvironment, _ model: Int = 0, _ index: Int = 0) -> Engine {
        environment.snapshot.models[model].pool.members[index].executor.engine
    }
    private func probe(_ environment: TestEnvironment, _ probe: ExecutorHealth.Probe, times: Int = 1) {
        for _ in 0..<times { engine(environment).report(probe, rise: 2, fall: 3, at: environment.loop.now) }
        engine(environment).pump(at: environment.loop.now)
    }
    private func failed(_ client: TestClient) -> Failure? {
        if case .failed(let failure)? = client.finished?.end { failure } else { nil }
    }
    /// Lets the executor of the latest attempt send a complete stream.
    private func answer(_ client: TestClient) {
        let executor = client.executors[client.executors.count - 1]
        executor.answer()
        executor.say(Said.token + Said.finish + Said.done)
        executor.end()
        client.settle()
    }

    @Test func aStreamWaitsWithKeepAlivesUntilTheModelIsLoaded() throws {
        let environment = try environment(settings: "commit_after: 10s\nkeep_alive: 5s")
        probe(environment, .notReady)
        let client = try TestClient(environment)
        client.ask()
        client.pass(9 * second)
        #expect(client.executors.isEmpty && client.status == nil)
        client.pass(17 * second)
        #expect(client.status == 200 && client.executors.isEmpty)
        #expect(client.received.components(separatedBy: ": keep-alive\n\n").count >= 4)
        probe(environment, .passed)
        client.settle()
        #expect(client.executors.count == 1, "at once")
        answer(client)
        #expect(client.received.contains("[DONE]") && failed(client) == nil)
        #expect(client.finished?.queueWait ?? 0 >= 26 * second)
    }

    @Test func theEnginesOwnWordIsEnough() throws {
        let environment = try environment()
        let client = try TestClient(environment)
        client.ask()
        client.executors[0].refuse(503, Self.loading)
        client.settle()
        #expect(client.executors.count == 1 && client.status == nil)
        client.pass(20 * second)
        #expect((2...3).contains(client.executors.count), "one trial, which the engine has not answered yet")
        client.executors[client.executors.count - 1].refuse(503, Self.loading)
        client.pass(2 * second)
        answer(client)
        #expect(client.received.contains("[DONE]") && failed(client) == nil)
    }

    /// An engine may refuse many attempts because it still loads its model.
    ///
    /// These attempts count neither against the exchange's limit of attempts nor against the executor's health.
    @Test func aLongLoadIsNoFault() throws {
        let environment = try environment()
        let client = try TestClient(environment)
        client.ask()
        for _ in 0..<20 {
            client.executors[client.executors.count - 1].refuse(503, Self.loading)
            client.pass(2 * second)
        }
        #expect((15...21).contains(client.executors.count), "\(client.executors.count)")
        answer(client)
        #expect(failed(client) == nil)
        #expect(environment.snapshot.models[0].pool.members[0].executor.health == .healthy)
    }

    @Test(arguments: [false, true]) func theWaitHasAnEnd(stream: Bool) throws {
        let environment = try environment(settings: "commit_after: 120s")
        probe(environment, .notReady)
        let client = try TestClient(environment)
        client.ask(chat(stream: stream))
        client.pass(59 * second)
        #expect(client.status == nil)
        client.pass(2 * second)
        #expect(client.status == 503 && client.executors.isEmpty)
        #expect(client.received.contains("The model is still being loaded. Try again later."))
        #expect(failed(client)?.kind == .noExecutor)
    }

    @Test func afterTheHeadTheEndIsAnErrorEvent() throws {
        let environment = try environment(settings: "commit_after: 10s")
        probe(environment, .notReady)
        let client = try TestClient(environment)
        client.ask()
        client.pass(61 * second)
        #expect(client.status == 200 && client.received.contains("The model is still being loaded."))
        #expect(!client.received.contains("[DONE]"))
    }

    @Test func aJSONAnswerIsKeptAliveToo() throws {
        let environment = try environment(settings: "commit_after: 10s\nkeep_alive: 5s\njson_keep_alive: true")
        probe(environment, .notReady)
        let client = try TestClient(environment)
        client.ask(chat(stream: false))
        client.pass(61 * second)
        #expect(client.status == 200 && client.received.contains("application/json"))
        #expect(client.received.contains(#"{"error":{"message":"The model is still being loaded."#))
        #expect(!client.received.contains("data:") && !client.received.contains("keep-alive\n"))
    }

    @Test(arguments: [
        ("timeouts: {load_wait: 0s}", "", 0), ("timeouts: {load_wait: 5s}", "", 5),
        ("timeouts: {load_wait: 5s}", ", timeouts: {load_wait: 8s}", 8),
        ("", ", timeouts: {load_wait: 0s}", 0), ("timeouts: {first_event: 10s}", "", 10),
    ]) func theSettingsDecide(settings: String, model: String, seconds: UInt64) throws {
        let environment = try environment(model: model, settings: settings)
        probe(environment, .notReady)
        let client = try TestClient(environment)
        client.ask()
        if seconds == 0 {
            // Without this waiting, the request is sent at once, and the engine itself answers that it loads its model.
            client.executors.last?.refuse(503, Self.loading)
            client.settle()
            #expect(client.status == 503)
            return
        }
        client.pass((seconds - 1) * second)
        #expect(client.status == nil)
        client.pass(2 * second)
        #expect(client.status == 503)
    }

    @Test func aReadyFallbackIsBetterThanAWait() throws {
        let environment = try environment(
            model: ", fallbacks: [n]",
            more: "- {id: n, executors: [{url: 'http://two:1'}]}"
        )
        probe(environment, .notReady)
        let client = try TestClient(environment)
        client.ask()
        #expect(client.executors.map(\.name) == ["http://two:1"])
    }

    @Test func aFallbackThatBecomesReadyEndsTheWait() throws {
        let environment = try environment(
            model: ", fallbacks: [n]",
            more: "- {id: n, executors: [{url: 'http://two:1'}]}"
        )
        probe(environment, .notReady)
        let spare = engine(environment, 1)
        spare.report(.notReady, rise: 2, fall: 3, at: environment.loop.now)
        let client = try TestClient(environment)
        client.ask()
        client.pass(5 * second)
        #expect(client.executors.isEmpty && client.status == nil)
        spare.report(.passed, rise: 2, fall: 3, at: environment.loop.now)
        client.pass(second)
        #expect(client.executors.map(\.name) == ["http://two:1"])
    }

    @Test func oneThatDiesWhileItLoadsIsToldSoon() throws {
        let environment = try environment()
        probe(environment, .notReady)
        let client = try TestClient(environment)
        client.ask()
        client.pass(2 * second)
        probe(environment, .failed, times: 3)
        client.pass(second)
        #expect(client.status == 503 && client.executors.isEmpty)
    }

    @Test func aClientThatLeavesLeavesTheQueue() throws {
        let environment = try environment()
        probe(environment, .notReady)
        let client = try TestClient(environment)
        client.ask()
        #expect(environment.snapshot.models[0].pool.waitingCount == 1)
        client.leave()
        #expect(environment.snapshot.models[0].pool.waitingCount == 0)
        #expect(client.finished?.end == .clientLeft)
    }

    /// The time in which an exchange waits for a model to be loaded does not count for `admission.max_wait`.
    @Test func theQueueBehindTheLoadHasItsOwnTime() throws {
        let environment = try environment(
            "{url: 'http://one:1', max_running: 1}",
            settings: "commit_after: 300s\nadmission: {max_wait: 8s}"
        )
        probe(environment, .notReady)
        let (first, other) = (try TestClient(environment), try TestClient(environment))
        first.ask()
        other.ask()
        first.pass(30 * second)
        probe(environment, .passed)
        first.settle()
        #expect(environment.executors.count == 1)
        first.pass(5 * second)
        #expect(other.status == nil)
        environment.executors[0].answer()
        environment.executors[0].say(Said.token + Said.finish + Said.done)
        environment.executors[0].end()
        first.settle()
        #expect(environment.executors.count == 2 && other.status == nil)
        withExtendedLifetime((first, other)) {}
    }

    @Test func aFullExecutorAfterTheLoadIsTheQueues() throws {
        let environment = try environment(
            "{url: 'http://one:1', max_running: 1}",
            settings: "commit_after: 300s\nadmission: {max_wait: 8s}"
        )
        probe(environment, .notReady)
        let (first, other) = (try TestClient(environment), try TestClient(environment))
        first.ask()
        other.ask()
        first.pass(30 * second)
        probe(environment, .passed)
        first.pass(10 * second)
        #expect(environment.executors.count == 1 && other.status == 429)
        withExtendedLifetime((first, other)) {}
    }

    // MARK: Engines that refuse connections

    @Test func aVLLMThatWasNeverUpMayBeStarting() throws {
        let environment = try environment("{url: 'http://one:1', kind: vllm}")
        let client = try TestClient(environment)
        client.ask()
        client.executors[0].fail(.unreachable(SystemError("connect", 111)))
        client.settle()
        #expect(client.status == nil)
        client.pass(2 * second)
        let count = client.executors.count
        #expect((2...3).contains(count))
        client.executors[count - 1].fail(.unreachable(SystemError("connect", 111)))
        client.pass(2 * second)
        answer(client)
        #expect(failed(client) == nil && client.received.contains("[DONE]"))
        // The engine has answered before, so it is not just starting: a refused connection is a failure now.
        engine(environment).heard(at: environment.loop.now)
        client.pass(second)
        client.ask()
        client.executors[client.executors.count - 1].fail(.unreachable(SystemError("connect", 111)))
        client.settle()
        #expect(client.finished.map { $0.end != .complete } == true)
    }

    @Test(arguments: ["auto", "llama.cpp", "ollama", "openai"]) func anyOtherIsToldAtOnce(kind: String) throws {
        let environment = try environment("{url: 'http://one:1', kind: \(kind)}")
        let client = try TestClient(environment)
        client.ask()
        client.executors[0].fail(.unreachable(SystemError("connect", 111)))
        client.settle()
        #expect(client.status == 502 && client.executors.count == 1)
    }
}
