import Foundation
import HTTP
import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

private let hash = HMACSHA256(secret: Array("0123456789abcdef0123456789abcdef".utf8))

/// The priority class of a request: who decides it, which requests are served first, and what executors learn of it.
@Suite struct PriorityTests {
    private static let one = "- {id: m, executors: [{url: 'http://one:1', max_running: 1, include_usage: false}]}"

    /// An environment with four API keys, each named after the class that it gives or the classes that it allows;
    /// without a key, a request may be standard or bulk.
    private func environment(_ models: String = one, settings: String = "") throws -> TestEnvironment {
        let access = Authenticator(hash: hash, anonymousPriority: PriorityRule(choices: [.bulk]))
        func key(_ id: String, _ usual: PriorityClass, _ choices: [PriorityClass] = []) -> AccessKey {
            let rule = PriorityRule(usual: usual, choices: choices)
            return AccessKey(id: id, hash: hash("fi-\(id)".utf8), tenant: id, priority: rule)
        }
        access.publish([
            key("plain", .standard), key("bulk", .bulk), key("interactive", .interactive),
            key("any", .standard, [.interactive, .bulk]),
        ])
        return TestEnvironment(try testSnapshot(models: models, settings: settings), access: access)
    }

    private func ask(
        _ client: TestClient,
        key: String? = nil,
        _ priority: String? = nil,
        path: String = "/v1/chat/completions",
        more: String = ""
    ) {
        var fields = "content-type: application/json"
        if let key { fields += "\r\nx-api-key: fi-\(key)" }
        if let priority { fields += "\r\nx-freeinference-priority: \(priority)" }
        client.ask(path.hasSuffix("messages") ? Self.messages : chat(), path: path, fields: fields + more)
    }
    private static let messages = #"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}"#

    /// Ends the running answer, and lets the next request begin.
    private func next(_ environment: TestEnvironment, _ client: TestClient, at name: String = "http://one:1") throws {
        let executor = try #require(environment.executors.last { $0.name == name })
        executor.answer()
        executor.say(Said.token + Said.finish + Said.done)
        executor.end()
        client.settle()
    }

    // MARK: Who decides

    private static let decided: [(String?, String?, PriorityClass)] = [
        ("plain", nil, .standard), ("plain", "standard", .standard), ("bulk", nil, .bulk), ("bulk", "bulk", .bulk),
        ("interactive", nil, .interactive), ("any", nil, .standard), ("any", "bulk", .bulk),
        ("any", "interactive", .interactive), (nil, nil, .standard), (nil, "bulk", .bulk),
    ]

    @Test(arguments: decided)
    func theKeyOrTheFieldDecides(key: String?, asked: String?, priority: PriorityClass) throws {
        let client = try TestClient(try environment())
        ask(client, key: key, asked)
        try next(client.environment, client)
        let finished = try #require(client.finished)
        #expect(finished.end == .complete && finished.priority == priority)
        let line = String(decoding: finished.logLine, as: UTF8.self)
        #expect(line.contains(#""priority":"\#(priority.rawValue)""#) == (priority != .standard), "\(line)")
        #expect(client.executors[0].request.fields.first(.freeInferencePriority) == nil)
    }

    @Test(arguments: ["urgent", "Bulk", "", "bulk, bulk", "0"], ["plain", "any", nil])
    func anUnknownValueIsRefused(value: String, key: String?) throws {
        let names = "must be one of interactive, standard, bulk."
        let chat = try TestClient(try environment())
        ask(chat, key: key, value)
        #expect(chat.status == 400 && chat.received.contains(#""type":"invalid_request_error""#))
        #expect(chat.received.contains("'x-freeinference-priority' \(names)") && chat.executors.isEmpty)
        let messages = try TestClient(try environment())
        ask(messages, key: key, value, path: "/v1/messages")
        #expect(messages.status == 400 && messages.received.contains(names))
        #expect(messages.received.contains(#"{"type":"error","error":{"type":"invalid_request_error""#))
    }

    @Test func twoValuesAreRefused() throws {
        let client = try TestClient(try environment())
        ask(client, key: "any", "bulk", more: "\r\nx-freeinference-priority: interactive")
        #expect(client.status == 400 && client.executors.isEmpty)
    }

    private static let refused: [(String?, String, String)] = [
        ("plain", "bulk", "This API key"), ("plain", "interactive", "This API key"),
        ("bulk", "standard", "This API key"), ("interactive", "bulk", "This API key"),
        (nil, "interactive", "Callers without an API key"),
    ]

    @Test(arguments: refused) func aClassThatIsNotAllowedIsRefused(key: String?, asked: String, who: String) throws {
        for (path, type) in [("/v1/chat/completions", "permission_error"), ("/v1/messages", "permission_error")] {
            let client = try TestClient(try environment())
            ask(client, key: key, asked, path: path)
            #expect(client.status == 403 && client.executors.isEmpty)
            #expect(client.received.contains("\(who) may not choose the priority '\(asked)'."), "\(client.received)")
            #expect(path != "/v1/messages" || client.received.contains(type))
        }
    }

    // MARK: The queue

    @Test func theQueueServesClassesInOrder() throws {
        let environment = try environment()
        let asked = ["plain", "bulk", "plain", "any", "interactive"]
        let clients = try asked.map { _ in try TestClient(environment) }
        for (client, key) in zip(clients, asked) { ask(client, key: key, key == "any" ? "interactive" : nil) }
        #expect(environment.executors.count == 1)
        #expect(environment.snapshot.pool(of: "m").waitingCounts == [2, 1, 1])
        for _ in asked { try next(environment, clients[0]) }
        #expect(environment.finished.map(\.tenant) == ["plain", "any", "interactive", "plain", "bulk"])
    }

    @Test func theSharesAreThoseOfTheConfiguration() throws {
        let environment = try environment(settings: "admission: {shares: {bulk: 50%}}")
        let asked = ["plain", "bulk", "bulk", "interactive", "interactive", "interactive"]
        let clients = try asked.map { _ in try TestClient(environment) }
        for (client, key) in zip(clients, asked) { ask(client, key: key) }
        for _ in asked { try next(environment, clients[0]) }
        let order = ["plain", "interactive", "bulk", "interactive", "bulk", "interactive"]
        #expect(environment.finished.map(\.tenant) == order)
    }

    @Test func aLowerClassGivesWay() throws {
        let environment = try environment(settings: "admission: {max_queue: 1}")
        let clients = try (0..<3).map { _ in try TestClient(environment) }
        for (client, key) in zip(clients, ["plain", "bulk", "interactive"]) { ask(client, key: key) }
        #expect(clients[1].status == 429 && clients[1].received.contains("queue_full"))
        for _ in 0..<2 { try next(environment, clients[0]) }
        #expect(environment.finished.map(\.tenant) == ["bulk", "plain", "interactive"])
    }

    /// A request keeps its priority class when it is retried, and when it waits in the queue of a fallback model.
    @Test func retriesAndFallbacksKeepTheClass() throws {
        let environment = try environment(
            """
            - id: m
              fallbacks: [n]
              executors: [{url: 'http://one:1', include_usage: false}]
            - id: n
              executors:
                - {url: 'http://two:1', max_running: 1, kind: vllm, priority: true, include_usage: false}
            """
        )
        let clients = try (0..<3).map { _ in try TestClient(environment) }
        for (index, key) in ["plain", "bulk", "interactive"].enumerated() {
            ask(clients[index], key: key)
            environment.executors.last { $0.name == "http://one:1" }?.refuse(503)
            clients[index].settle()
        }
        let pool = environment.snapshot.pool(of: "n")
        #expect(pool.waitingCounts == [1, 0, 1])
        for _ in 0..<3 { try next(environment, clients[0], at: "http://two:1") }
        #expect(environment.finished.map(\.tenant) == ["plain", "interactive", "bulk"])
        let told = environment.executors.filter { $0.name == "http://two:1" }.map { String($0.body.prefix(16)) }
        #expect(told == [#"{"priority":0,"m"#, #"{"priority":-10,"#, #"{"priority":10,""#])
    }

    // MARK: The member of the body

    @Test(arguments: ["auto", "vllm", "sglang", "llama.cpp", "ollama", "openai", "anthropic"])
    func noExecutorGetsAStrangersPriority(kind: String) throws {
        let client = try TestClient(
            try environment("- {id: m, executors: [{url: 'http://one:1', kind: \(kind), include_usage: false}]}")
        )
        let path = kind == "anthropic" ? "/v1/messages" : "/v1/chat/completions"
        client.ask(#"{"model":"m","priority":-100,"messages":[],"priority":-200}"#, path: path)
        #expect(client.executors[0].body == #"{"model":"m","messages":[]}"#)
        #expect(client.executors[0].request.body?.length == client.executors[0].body.utf8.count)
    }

    @Test(arguments: [
        ("kind: vllm, priority: true", ["-10", "0", "10"]), ("kind: sglang, priority: true", ["10", "0", "-10"]),
        ("kind: sglang, priority: lowest-first", ["-10", "0", "10"]), ("priority: true", ["-10", "0", "10"]),
    ]) func theExecutorIsToldTheClass(settings: String, values: [String]) throws {
        for (key, value) in zip(["interactive", "plain", "bulk"], values) {
            let client = try TestClient(
                try environment("- {id: m, executors: [{url: 'http://one:1', \(settings), include_usage: false}]}")
            )
            let fields = "x-api-key: fi-\(key)"
            client.ask(#"{"model":"m","messages":[],"priority":-100}"#, fields: fields)
            #expect(client.executors[0].body == #"{"priority":\#(value),"model":"m","messages":[]}"#)
        }
    }
}
