import Configuration
import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

/// A request goes to executors that support its dialect.
///
/// The edge knows this from the configuration, and learns it from an executor's answers.
@Suite struct DialectRoutingTests {
    private let second: UInt64 = 1_000_000_000

    private func environment(_ executors: String..., model: String = "", more: String = "") throws -> TestEnvironment {
        let items = executors.joined(separator: ", ")
        let models = "- {id: m, balance: round-robin\(model), executors: [\(items)]}\n\(more)"
        return TestEnvironment(try testSnapshot(models: models))
    }

    private func ask(_ client: TestClient, _ path: String) {
        client.ask(#"{"model":"m","max_tokens":9,"messages":[],"input":"x"}"#, path: path)
    }
    /// Lets the latest executor send a complete JSON response, and returns the executor's name.
    private func answer(_ client: TestClient, _ text: String = Said.document) -> String {
        let executor = client.executors[client.executors.count - 1]
        executor.answer(200, type: "application/json")
        executor.say(text)
        executor.end()
        client.settle()
        return executor.name
    }
    private static let message = #"{"type":"message","content":[],"stop_reason":"end_turn"}"#

    @Test func aDialectGoesToTheExecutorsThatHaveIt() throws {
        let environment = try environment(
            "{url: 'http://one:1', dialects: [chat]}",
            "{url: 'http://two:1', kind: anthropic}",
            "{url: 'http://three:1', kind: openai}"
        )
        var kept: [TestClient] = []
        var names: [String: Set<String>] = [:]
        for _ in 0..<6 {
            for path in ["/v1/messages", "/v1/messages/count_tokens", "/v1/chat/completions", "/v1/chat/completions"] {
                let client = try TestClient(environment)
                kept.append(client)
                ask(client, path)
                names[path, default: []].insert(environment.executors[environment.executors.count - 1].name)
                client.leave()
            }
        }
        #expect(names["/v1/messages"] == ["http://two:1"] && names["/v1/messages/count_tokens"] == ["http://two:1"])
        #expect(names["/v1/chat/completions"] == ["http://one:1", "http://three:1"])
        #expect(environment.executors.count == 24 && kept.count == 24)
        let client = try TestClient(environment)
        ask(client, "/v1/embeddings")
        #expect(environment.executors.last?.name == "http://three:1")
    }

    @Test(arguments: [
        (", dialects: [chat]", "", false), (", dialects: [messages]", "", true),
        (", dialects: [chat]", ", dialects: [messages]", true), (", dialects: [messages]", ", dialects: [chat]", false),
        ("", ", dialects: [chat]", false), ("", "", true),
    ]) func theNearestLevelDecides(model: String, executor: String, has: Bool) throws {
        let environment = try environment("{url: 'http://one:1'\(executor)}", model: model)
        let client = try TestClient(environment)
        ask(client, "/v1/messages")
        #expect(client.executors.count == (has ? 1 : 0))
        if !has { #expect(client.status == 404) }
    }

    @Test func whereNobodyHasItTheClientIsToldInItsDialect() throws {
        let environment = try environment("{url: 'http://one:1', dialects: [chat]}")
        let client = try TestClient(environment)
        ask(client, "/v1/messages")
        #expect(client.status == 404 && client.executors.isEmpty)
        #expect(client.received.contains(#"{"type":"error","error":{"type":"not_found_error","message":"No executor"#))
        #expect(client.received.contains("the model 'm' serves the dialect 'messages' (/v1/messages)."))
        #expect(client.finished?.failed?.detail?.hasPrefix("of 1 executors 1 lack the path by 'dialects'") == true)
    }

    @Test func whereNobodyHasItOpenAIsClientsAreToldInTheirs() throws {
        let other = try TestClient(try environment("{url: 'http://one:1', dialects: [chat]}"))
        ask(other, "/v1/responses")
        #expect(other.status == 404 && other.received.contains(#""code":"not_found""#))
        #expect(other.received.contains("serves the dialect 'responses' (/v1/responses)."))
    }

    @Test func aFallbackThatHasItAnswers() throws {
        let environment = try environment(
            "{url: 'http://one:1', dialects: [chat]}",
            model: ", fallbacks: [n]",
            more: "- {id: n, executors: [{url: 'http://two:1'}]}"
        )
        let client = try TestClient(environment)
        ask(client, "/v1/messages")
        #expect(client.executors.map(\.name) == ["http://two:1"])
    }

    @Test func anExecutorThatHasItButIsDeadIsNoMissingDialect() throws {
        let environment = try environment("{url: 'http://one:1', dialects: [chat]}", "{url: 'http://two:1'}")
        let engine = environment.snapshot.models[0].pool.members[1].executor.engine
        for _ in 0..<3 { engine.report(.failed, rise: 2, fall: 3, at: environment.loop.now) }
        let client = try TestClient(environment)
        ask(client, "/v1/messages")
        #expect(client.status == 503 && client.received.contains("no_executor") == false)
        #expect(client.finished?.failed?.kind == .noExecutor)
    }

    /// As long as the name of its only executor has not resolved, a model has no executors.
    @Test func aModelWithoutExecutorsYetIsNoMissingDialect() throws {
        var configuration = try configuration(
            "listeners: [{address: '127.0.0.1:80'}]\nmodels: [{id: m, executors: [{url: 'http://one:1', resolve: all}]}]"
        )
        configuration.models[0].executors = []
        let environment = TestEnvironment(Registry().resolve(configuration))
        let client = try TestClient(environment)
        ask(client, "/v1/messages")
        #expect(client.status == 503)
        #expect(client.finished?.failed?.kind == .noExecutor)
    }

    // MARK: Learning

    /// Of three executors of unknown kind, only the last supports the dialect.
    ///
    /// The two others are tried for it once, and again only after ten minutes.
    @Test(arguments: [
        (404, #"{"detail":"Not Found"}"#), (405, #"{"detail":"Method Not Allowed"}"#), (404, ""),
        (501, #"{"error":{"code":501,"message":"This server does not support chat","type":"not_supported_error"}}"#),
    ]) func a404OfThePathTeaches(status: Int, body: String) throws {
        let environment = try environment("{url: 'http://one:1'}", "{url: 'http://two:1'}", "{url: 'http://three:1'}")
        let deaf = ["http://one:1", "http://two:1"]
        func run() throws -> Int {
            let client = try TestClient(environment)
            let before = client.executors.count
            ask(client, "/v1/messages")
            while let last = client.executors.last, deaf.contains(last.name) {
                let count = client.executors.count
                last.refuse(status, body)
                client.settle()
                if client.executors.count == count { break }
            }
            #expect(answer(client, Self.message) == "http://three:1")
            return client.executors.count - before
        }
        var attempts = 0
        for _ in 0..<4 { attempts += try run() }
        #expect(attempts == 6, "two attempts found nothing, and none was repeated")
        // Chats go to all of them as before.
        var names: Set<String> = []
        for _ in 0..<3 {
            let client = try TestClient(environment)
            ask(client, "/v1/chat/completions")
            names.insert(answer(client))
        }
        #expect(names.isSuperset(of: deaf), "those without the dialect had fewer turns before")
        try TestClient(environment).pass(600 * second, step: 10 * second)
        attempts = 0
        for _ in 0..<4 { attempts += try run() }
        #expect(attempts == 6, "the memory has run out")
    }

    @Test func a404OfAModelOrOfAnObjectTeachesNothing() throws {
        let bodies = [
            #"{"error":{"message":"The model 'x' does not exist.","type":"NotFoundError","param":"model","code":404}}"#,
            #"{"error":{"message":"Response with id 'r' not found.","type":"invalid_request_error","code":404}}"#,
        ]
        for body in bodies {
            let environment = try environment("{url: 'http://one:1'}")
            let client = try TestClient(environment)
            for _ in 0..<3 {
                ask(client, "/v1/messages")
                client.executors[client.executors.count - 1].refuse(404, body)
                client.settle()
            }
            #expect(client.executors.count == 3)
        }
    }

    @Test func whereAllWereTaughtNobodyIsAskedUntilTheEngineWasLost() throws {
        let environment = try environment("{url: 'http://one:1'}")
        let client = try TestClient(environment)
        ask(client, "/v1/messages")
        client.executors[0].refuse(404, #"{"detail":"Not Found"}"#)
        #expect(client.status == 404 && client.received.contains("No executor of the model 'm' serves the dialect"))
        ask(client, "/v1/messages")
        client.settle()
        #expect(client.executors.count == 1)
        #expect(client.finished?.failed?.detail?.contains("1 by what they answered") == true)
        let engine = environment.snapshot.models[0].pool.members[0].executor.engine
        for _ in 0..<3 { engine.report(.failed, rise: 2, fall: 3, at: environment.loop.now) }
        for _ in 0..<2 { engine.report(.passed, rise: 2, fall: 3, at: environment.loop.now) }
        ask(client, "/v1/messages")
        #expect(client.executors.count == 2)
    }

    /// Once an engine has answered at a dialect's path, a later 404 there does not mean that it lacks the dialect.
    ///
    /// Otherwise one client whose requests cause 404 could make the edge refuse the dialect to other clients.
    @Test func anExecutorThatHasAnsweredThereIsNotBelieved() throws {
        let environment = try environment("{url: 'http://one:1'}", "{url: 'http://two:1'}", "{url: 'http://three:1'}")
        let client = try TestClient(environment)
        for _ in 0..<3 {
            ask(client, "/v1/messages")
            _ = answer(client, Self.message)
        }
        for round in 1...2 {
            let before = client.executors.count
            ask(client, "/v1/messages")
            while client.executors.count > before, let last = client.executors.last, last.isCancelled == false {
                let count = client.executors.count
                last.refuse(404, #"{"detail":"Not Found"}"#)
                client.settle()
                if client.executors.count == count { break }
            }
            #expect(client.executors.count == before + 2, "one more is asked, in round \(round)")
        }
        ask(client, "/v1/messages")
        _ = answer(client, Self.message)
        #expect(client.finished?.failed == nil)
    }

    @Test func aPathThatOnlyThisModelHasIsAskedForEachTime() throws {
        let environment = try environment("{url: 'http://one:1'}", model: ", passthrough: [/v1/own]")
        let client = try TestClient(environment)
        for count in 1...3 {
            ask(client, "/v1/own")
            #expect(client.executors.count == count)
            client.executors[count - 1].refuse(404, #"{"detail":"Not Found"}"#)
            client.settle()
        }
    }
}

extension FinishedExchange {
    /// The failure with which the exchange ended; nil if it ended well.
    fileprivate var failed: Failure? { if case .failed(let failure) = end { failure } else { nil } }
}
