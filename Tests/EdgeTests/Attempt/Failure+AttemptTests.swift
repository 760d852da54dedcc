import Foundation
import HTTP
import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

/// How an exchange handles an engine's error, in each form in which engines report errors.
@Suite struct FailureAttemptTests {
    private static let tooLong =
        #"{"error":{"message":"too long for 10.0.0.5:8000","type":"invalid_request_error","code":"context_length_exceeded","n_ctx":8}}"#
    private static let shown =
        #"{"error":{"message":"too long for [address]","type":"invalid_request_error","code":"context_length_exceeded","n_ctx":8}}"#

    private func client(_ settings: String = "", executors: Int = 2) throws -> TestClient {
        let urls = ["one", "two", "three"].prefix(executors).map { "{url: 'http://\($0):1'}" }.joined(separator: ", ")
        let models = "- {id: m, balance: round-robin, executors: [\(urls)]}"
        return try TestClient(TestEnvironment(testSnapshot(models: models, settings: settings)))
    }

    private func line(_ finished: FinishedExchange?) throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(try #require(finished).logLine))
        return try #require(object as? [String: Any])
    }

    private func body(_ client: TestClient) -> String {
        client.received.components(separatedBy: "\r\n\r\n").dropFirst().joined(separator: "\r\n\r\n")
    }

    private func isWell(_ executor: PlayedExecutor) -> Bool {
        executor.target.executor.health == .healthy && executor.target.executor.running == 0
    }

    // MARK: Client errors

    enum Form: String, CaseIterable {
        case status, serverStatus, document, event, namedEvent, bareLine, cutLine, prefixedLine
    }

    private func tell(_ error: String, _ form: Form, by executor: PlayedExecutor) {
        switch form {
        case .status, .serverStatus: executor.answer(form == .status ? 400 : 500, type: "application/json")
        case .document: executor.answer(type: "application/json")
        default: executor.answer()
        }
        switch form {
        case .status, .serverStatus, .document: executor.say(error)
        case .event: executor.say("data: \(error)\n\ndata: [DONE]\n\n")
        case .namedEvent: executor.say("event: error\ndata: \(error)\n\n")
        case .bareLine: executor.say("\(error)\n\n")
        case .cutLine: executor.say(error)
        case .prefixedLine: executor.say("error: \(error)\n\n")
        }
        executor.end()
    }

    /// An engine's error about the client's request is passed on to the client with its text.
    ///
    /// No other executor is tried, and the error does not count against the executor.
    @Test(arguments: Form.allCases) func aClientsMistakeIsItsOwnInEachForm(form: Form) throws {
        let client = try client()
        client.ask()
        tell(Self.tooLong, form, by: client.executors[0])
        #expect(client.status == 400 && client.executors.count == 1)
        #expect(body(client) == Self.shown)
        #expect(isWell(client.executors[0]))
        guard case .failed(let failure)? = client.finished?.end else {
            Issue.record("\(String(describing: client.finished?.end))")
            return
        }
        #expect(failure.side == .client && failure.charge == .none)
        let line = try line(client.finished)
        #expect(line["status"] as? Int == 400 && line["side"] as? String == "client")
        #expect(line["tokens"] as? Int == 0 && line["told_status"] == nil)
        let error = try #require(line["engine_error"] as? [String: Any])
        #expect(
            error["code"] as? String == "context_length_exceeded" && error["meaning"] as? String == "clients_mistake"
        )
        #expect(error["message"] == nil, "engines quote what clients have sent")
    }

    /// Header fields of an engine's error response reach the client like those of a success.
    @Test(arguments: [400, 404, 413, 422]) func fieldsOfAnErrorPass(status: Int) throws {
        let client = try client(executors: 1)
        client.ask()
        let fields = [
            ("content-language", "en"), ("traceresponse", "00-1-2-00"), ("x-should-retry", "false"),
            ("retry-after", "7"),
            ("x-ratelimit-limit-requests", "5"), ("x-litellm-model-id", "secret"), ("server", "uvicorn"),
        ]
        client.executors[0].refuse(status, #"{"error":{"message":"no","type":"x"}}"#, fields)
        #expect(client.status == status)
        for field in ["content-language: en", "traceresponse: 00-1-2-00", "x-should-retry: false", "retry-after: 7"] {
            #expect(client.received.components(separatedBy: field).count == 2, "\(field) of \(status)")
        }
        for name in ["litellm", "uvicorn", "limit-requests"] { #expect(!client.received.contains(name)) }
    }

    /// If the client has been sent a 200 before the executor answered, an error is sent as an event.
    ///
    /// The log and the metrics have the status of the error.
    @Test(arguments: Form.allCases) func afterASilentCommitItIsAnEventWithItsText(form: Form) throws {
        let client = try client("commit_after: 8100ms\nkeep_alive: 60s")
        client.ask()
        client.pass(8_200_000_000)
        #expect(client.status == 200)
        tell(Self.tooLong, form, by: client.executors[0])
        #expect(client.executors.count == 1)
        #expect(
            client.received.contains(#""error":{"message":"too long for [address]","type":"invalid_request_error""#)
        )
        #expect(client.received.contains(#""code":400"#))
        #expect(client.peer.end != nil)
        let line = try line(client.finished)
        #expect(line["status"] as? Int == 200 && line["told_status"] as? Int == 400)
        #expect(line["side"] as? String == "client")
        let row = try #require(
            client.environment.metrics.counters.models[client.environment.snapshot.models[0].entry.id]
        )
        #expect(row.statuses == [400: 1])
    }

    @Test func aDocumentForWhoWasPromisedAStreamIsAFailure() throws {
        let client = try client("commit_after: 8100ms\nkeep_alive: 60s", executors: 1)
        client.ask()
        client.pass(8_200_000_000)
        client.executors[0].answer(type: "application/json")
        client.executors[0].say(Said.document)
        client.executors[0].end()
        #expect(client.received.contains(#""code":502"#) && client.peer.end != nil)
        #expect(try line(client.finished)["detail"] as? String == "it answered a request for a stream with a document")
    }

    @Test func inAnthropicsDialectTheTextIsInItsShape() throws {
        let client = try client()
        client.ask(path: "/v1/messages")
        client.executors[0].refuse(
            400,
            #"{"error":{"message":"max_tokens must be positive","type":"Bad Request","code":400}}"#
        )
        #expect(client.status == 400 && client.executors.count == 1)
        #expect(
            body(client).hasPrefix(
                #"{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens must be positive"},"#
            )
        )
    }

    // MARK: Errors that another executor may not have

    @Test(arguments: Form.allCases) func whatAnotherMayMendGoesToIt(form: Form) throws {
        let client = try client()
        client.ask()
        let error = #"{"error":{"message":"no","type":"overloaded_error","code":503}}"#
        tell(error, form, by: client.executors[0])
        #expect(client.received.isEmpty && client.executors.count == 2)
        let other = try #require(client.executors.last)
        #expect(other.name != client.executors[0].name)
        other.answer()
        other.say(Said.token + Said.finish + Said.done)
        other.end()
        #expect(client.status == 200 && client.finished?.end == .complete)
        let failed = try #require(try line(client.finished)["failed_attempts"] as? [[String: Any]])
        #expect((failed.first?["engine_error"] as? [String: Any])?["meaning"] as? String == "busy")
    }

    @Test func anOverloadedEngineIsToldAsItsDialectSays() throws {
        for (path, status, type) in [
            ("/v1/messages", 529, "overloaded_error"), ("/v1/chat/completions", 503, "overloaded_error"),
        ] {
            let client = try client("admission: {max_wait: 100ms}", executors: 1)
            client.ask(path: path)
            let said = #"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#
            client.executors[0].refuse(529, said, [("retry-after", "30")])
            client.pass(200_000_000)
            #expect(client.status == status && body(client).contains(type))
            #expect(client.received.contains("retry-after: 30\r\n"))
            #expect(client.executors[0].target.executor.health == .healthy)
        }
    }

    @Test func ourOwnConfigurationIsNeverToldToTheClient() throws {
        let client = try client(executors: 1)
        client.ask()
        client.executors[0].refuse(
            404,
            #"{"error":{"message":"The model `x` does not exist.","type":"NotFoundError","code":404}}"#
        )
        #expect(client.status == 502 && !body(client).contains("does not exist"))
        #expect(try line(client.finished)["detail"] as? String == "it answered 404")
    }

    @Test func aPathThatAnEngineDoesNotHaveIsTheClients404() throws {
        let client = try client(executors: 1)
        client.ask(path: "/v1/rerank")
        client.executors[0].refuse(404, #"{"detail":"Not Found"}"#)
        #expect(client.status == 404 && isWell(client.executors[0]))
        #expect(try line(client.finished)["side"] as? String == "client")
    }

    @Test func whatIsNotImplementedIsNotToBeTriedAgain() throws {
        let client = try client()
        client.ask()
        client.executors[0].refuse(
            501,
            #"{"error":{"code":501,"message":"no embeddings here","type":"not_supported_error"}}"#
        )
        #expect(client.status == 501 && client.executors.count == 1 && client.received.contains("no embeddings here"))
        #expect(client.received.contains("x-should-retry: false\r\n") && isWell(client.executors[0]))
    }

    // MARK: Retry delays

    /// If an executor's error names a time after which to retry, the edge avoids the executor for that time.
    ///
    /// The client is told the same time.
    @Test(arguments: [
        [("retry-after", "Sat, 28 Nov 2026 01:30:30 GMT"), ("date", "Sat, 28 Nov 2026 01:30:00 GMT")],
        [("retry-after", "29.5")],
        [("retry-after-ms", "30000")], [("x-ratelimit-reset-tokens", "30s")],
    ]) func anEngineIsLeftAloneForAsLongAsItAsks(fields: [(String, String)]) throws {
        let client = try client("admission: {max_wait: 100ms}", executors: 1)
        client.ask()
        client.executors[0].refuse(429, "", fields)
        client.pass(200_000_000)
        #expect(client.status == 429 && client.received.contains("retry-after: 30\r\n"))
        let next = try TestClient(client.environment)
        next.ask()
        next.pass(25_000_000_000, step: 1_000_000_000)
        #expect(client.executors.count == 1, "nobody is sent there meanwhile")
    }

    // MARK: Failures while a response is relayed

    @Test(arguments: [false, true]) func anEngineThatDiesInTheMidstIsAFailureOfItsOwn(withDone: Bool) throws {
        let client = try client()
        client.ask()
        client.executors[0].answer()
        let died =
            #"data: {"error":{"message":"EngineCore encountered an issue.","type":"InternalServerError","code":500}}"#
        let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":0}}\n\n"
        client.executors[0].say(Said.token + Said.token + died + "\n\n" + usage + (withDone ? Said.done : ""))
        client.executors[0].end()
        #expect(!client.received.contains("EngineCore") && client.received.contains(#""code":500"#), "our words")
        #expect(!client.received.contains("[DONE]") && !client.received.hasSuffix("\r\n0\r\n\r\n"))
        let line = try line(client.finished)
        #expect(line["end"] as? String == "executor_error" && line["side"] as? String == "executor")
        #expect(line["status"] as? Int == 200 && line["told_status"] as? Int == 500)
        #expect(line["tokens"] as? Int == 2 && line["tokens_estimated"] as? Bool == true)
        let row = try #require(
            client.environment.metrics.counters.models[client.environment.snapshot.models[0].entry.id]
        )
        #expect(row.ends[Ending.index(of: Failure(executorStatus: 500))] == 1)
        let executor = client.executors[0].target.executor
        #expect(row.attempts[executor.id]?[Ending.index(of: Failure(executorStatus: 500))] == 1)
    }

    /// An executor that fails in the middle of its streams is avoided as one that fails before their first events.
    @Test func anEngineThatDiesUnderItsStreamsIsLeftOut() throws {
        let first = try client()
        let all = [first] + (try (1..<6).map { _ in try TestClient(first.environment) })
        for client in all { client.ask() }
        for executor in first.executors {
            executor.answer()
            executor.say(Said.token)
        }
        let dying = first.executors.filter { $0.name == first.executors[0].name }
        #expect(dying.count == 3 && dying[0].target.executor.health == .healthy)
        for executor in dying {
            executor.say("data: {\"error\":{\"message\":\"no\",\"code\":500}}\n\n")
            executor.end()
        }
        #expect(dying[0].target.executor.health != .healthy)
        withExtendedLifetime(all) {}
    }

    @Test func aLineThatIsNoEventIsToldByUs() throws {
        let client = try client()
        client.ask()
        client.executors[0].answer()
        client.executors[0].say(Said.token + #"{"error":{"message":"CUDA error","code":500}}"# + "\n")
        client.executors[0].end()
        #expect(client.received.contains(#""finish_reason":"error""#) && !client.received.contains("CUDA"))
        #expect(client.peer.end != nil && client.finished?.stream?.tokens == 1)
    }

    @Test func theTextIsInTheLogWhereTheOperatorWantsIt() throws {
        let client = try client("log: {engine_errors: true}", executors: 1)
        client.ask()
        tell(Self.tooLong, .status, by: client.executors[0])
        #expect(client.status == 400)
        let error = try #require(try line(client.finished)["engine_error"] as? [String: Any])
        #expect(error["message"] as? String == "too long for [address]" && error["status"] as? Int == 400)
    }
}
