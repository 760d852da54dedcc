import Foundation
import HTTP
import Inference
import LoopTesting
import Testing

@testable import Edge

/// Coding agents put a block with billing data first in their prompts: which executors get it, and what metrics count.
@Suite struct BillingBlockTests {
    private static let header = "x-anthropic-billing-header: cc_version=2.1.37.3a3; cc_entrypoint=cli; cch=fa690;"
    private static let prompt = #"{"type":"text","text":"You are Claude Code.","cache_control":{"type":"ephemeral"}}"#

    /// The body of a request in Anthropic's Messages API, with or without the billing block that coding agents put
    /// first.
    private static func messages(_ block: Bool, more: String = "") -> String {
        let first = block ? #"{"type":"text","text":"\#(header)"}, "# : ""
        return #"{"model":"m","max_tokens":9,"stream":true,"system":[\#(first)\#(prompt)],"#
            + #""messages":[{"role":"user","content":"hello"}]\#(more)}"#
    }
    /// A chat whose system prompt begins with a line.
    private static func chat(_ line: String, more: String = "") -> String {
        #"{"model":"m","messages":[{"role":"system","content":"\#(line)You are"}]\#(more)}"#
    }

    private func client(_ executors: String, model: String = "", settings: String = "") throws -> TestClient {
        let models = "- {id: m, balance: round-robin\(model), executors: [\(executors)]}"
        return try TestClient(TestEnvironment(try testSnapshot(models: models, settings: settings)))
    }
    private func strippedCount(_ client: TestClient) -> UInt64 {
        client.environment.metrics.row(of: client.environment.snapshot.models[0].entry).counts.billingBlocksStripped
    }

    @Test(arguments: [
        ("vllm", true), ("sglang", true), ("llama.cpp", true), ("ollama", true), ("auto", false), ("openai", false),
        ("anthropic", false),
    ]) func theKindDecides(kind: String, strips: Bool) throws {
        let executor = "{url: 'http://one:1', kind: \(kind), dialects: [chat, messages], include_usage: false}"
        for path in ["/v1/messages", "/v1/messages/count_tokens"] {
            let client = try client(executor)
            client.ask(Self.messages(true), path: path)
            #expect(client.executors[0].body == Self.messages(!strips))
            #expect(client.executors[0].request.body?.length == Self.messages(!strips).utf8.count)
            #expect(strippedCount(client) == (strips ? 1 : 0))
        }
        let client = try client(executor)
        client.ask(Self.chat(Self.header + #"\n"#))
        #expect(client.executors[0].body == Self.chat(strips ? "" : Self.header + #"\n"#))
    }

    @Test(arguments: [
        // Of the executor, its model and the top-level settings, the first one that has the key `strip_billing`
        // decides, whatever the executor's kind is.
        ("", "", "strip_billing: true", "auto", true), ("", "", "strip_billing: false", "vllm", false),
        ("", ", strip_billing: true", "strip_billing: false", "anthropic", true),
        ("", ", strip_billing: false", "strip_billing: true", "vllm", false),
        (", strip_billing: true", ", strip_billing: false", "strip_billing: false", "openai", true),
        (", strip_billing: false", ", strip_billing: true", "strip_billing: true", "sglang", false),
    ]) func theKeyDecides(executor: String, model: String, settings: String, kind: String, strips: Bool) throws {
        let client = try client(
            "{url: 'http://one:1', kind: \(kind), dialects: [messages]\(executor)}",
            model: model,
            settings: settings
        )
        client.ask(Self.messages(true), path: "/v1/messages")
        #expect(client.executors[0].body == Self.messages(!strips))
        #expect(strippedCount(client) == (strips ? 1 : 0))
    }

    @Test func aRequestWithoutTheBlockIsNotCounted() throws {
        let client = try client("{url: 'http://one:1', kind: vllm}")
        client.ask(Self.messages(false), path: "/v1/messages")
        #expect(client.executors[0].body == Self.messages(false) && strippedCount(client) == 0)
    }

    @Test(arguments: ["/v1/completions", "/v1/responses", "/v1/embeddings", "/tokenize", "/v1/score"])
    func otherDialectsPassAsTheyAre(path: String) throws {
        let client = try client("{url: 'http://one:1', kind: vllm, include_usage: false}")
        let body = Self.messages(true, more: #","input":"x","prompt":"x""#)
        client.ask(body, path: path)
        #expect(client.executors[0].body == body && strippedCount(client) == 0)
    }

    /// When a request is tried at several executors, each gets the body with the model name and the billing header that
    /// its own settings require.
    @Test func anotherExecutorGetsItsOwnForm() throws {
        let client = try client(
            "{url: 'http://one:1', kind: vllm}, {url: 'http://two:2', kind: anthropic}, "
                + "{url: 'http://three:3', kind: sglang, model: other}"
        )
        client.ask(Self.messages(true), path: "/v1/messages")
        client.executors[0].refuse(503)
        client.settle()
        client.executors[1].refuse(503)
        client.settle()
        let bodies = Dictionary(client.executors.map { ($0.name, $0.body) }) { first, _ in first }
        let renamed = Self.messages(false).replacing(#""model":"m""#, with: #""model":"other""#)
        #expect(bodies.count == 3, "\(bodies.keys)")
        #expect(bodies.first { $0.key.contains("one") }?.value == Self.messages(false))
        #expect(bodies.first { $0.key.contains("two") }?.value == Self.messages(true))
        #expect(bodies.first { $0.key.contains("three") }?.value == renamed)
        #expect(strippedCount(client) == 2)
    }

    @Test func aRequestThatIsSentAgainStillLacksTheBlock() throws {
        let client = try client("{url: 'http://one:1', kind: vllm}")
        client.ask(Self.chat(Self.header + #"\n"#, more: #","stream":true"#))
        client.executors[0].refuse(
            400,
            #"{"error":{"message":"Unrecognized request argument supplied: stream_options","param":"stream_options"}}"#
        )
        client.settle()
        #expect(client.executors.count == 2)
        #expect(client.executors[0].body.contains("include_usage") && !client.executors[0].body.contains("cch="))
        #expect(client.executors[1].body == Self.chat("", more: #","stream":true"#))
        #expect(strippedCount(client) == 1)
    }

    @Test func aLargeBodyIsScannedElsewhere() throws {
        let client = try client("{url: 'http://one:1', kind: vllm}")
        let more = #","x":"\#(String(repeating: "x", count: ScanThread.threshold))""#
        let body = Self.messages(true, more: more)
        client.begin("", length: body.utf8.count, path: "/v1/messages")
        var rest = Array(body.utf8)[...]
        while !rest.isEmpty {
            rest = rest.dropFirst(client.peer.send(Array(rest.prefix(64 << 10))))
            client.environment.test.settle(client.peer)
        }
        #expect(client.environment.scans.count == 1)
        client.environment.carryOutScan()
        #expect(client.executors.first?.body == Self.messages(false, more: more))
    }

    /// The request body, compressed by gzip here, contains a billing header like the bodies of the tests before.
    @Test func aDecodedBodyIsReadToo() throws {
        let client = try client("{url: 'http://one:1', kind: vllm}")
        let body = Array(try #require(Data(base64Encoded: Self.gzipped)))
        client.peer.send(
            "POST /v1/messages HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n"
                + "content-encoding: gzip\r\ncontent-length: \(body.count)\r\n\r\n"
        )
        client.peer.send(body)
        client.settle()
        #expect(client.executors.first?.body == Self.messages(false))
    }

    /// `messages(true)`, compressed.
    private static let gzipped =
        "H4sIAAAAAAACA3VPy2rEMBD7lTDnJLQNtKyXnPYrSlnC1FHXpn4E2ykJi/+9kz301pOQRpoZ3cnHGY4UeWrJ8zaV+I2QSZ1ayiWB"
        + "PamSVgjbc4GwjzuVfYFECrYiqQco2joOxaS4WN19WudsuHUGPCOpRuvpBynbGMaX/rkf3vqBh/MhI5S0L9GGMmpnD8mMX/x6ejpT"
        + "bZt/Tr3HteGE5uJ4nQWkQi9Tzdpg0lFWRqn0F8Zi4JHYUa1XaYmc+Yb8qCLOw7JmpGODZOUjEQyci1Sv9Re7ieudIgEAAA=="
}
