import Inference
import LoopTesting
import Testing

@testable import Edge

/// Tests the setting `reasoning` of a model: which JSON members of streams and of other responses have the reasoning.
@Suite struct ReasoningSettingTests {
    private static let thought = #"data: {"choices":[{"index":0,"delta":{"reasoning":"a \"b\" \u00e9"}}]}"# + "\n\n"
    private static let usage =
        #"data: {"choices":[{"index":0,"delta":{"reasoning":"z"}}],"usage":{"prompt_tokens":7,"#
        + #""completion_tokens":3,"total_tokens":10}}"# + "\n\n"
    private static let document =
        #"{"choices":[{"index":0,"message":{"role":"assistant","content":"x","reasoning":"y"},"#
        + #""finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}"#

    private func client(_ setting: String, more: String = "") throws -> TestClient {
        let executors = "executors: [{url: 'http://one:1'}]"
        let models = "- {id: m\(setting.isEmpty ? "" : ", reasoning: \(setting)"), \(executors)}\n\(more)"
        return try TestClient(TestEnvironment(try testSnapshot(models: models)))
    }
    /// Removes the size lines of the chunked coding from a response's text.
    private func unframed(_ text: String) -> String { text.replacing(/\r\n[0-9a-fA-F]+\r\n/, with: "") }
    private func changed(_ text: String, _ setting: String) -> String {
        switch setting {
        case "reasoning_content": text.replacing(#""reasoning":"#, with: #""reasoning_content":"#)
        case "both":
            text.replacing(/"reasoning":("(?:[^"\\]|\\.)*")/) { "\"reasoning\":\($0.1),\"reasoning_content\":\($0.1)" }
        default: text
        }
    }

    @Test(
        arguments: ["", "as-is", "reasoning", "reasoning_content", "both"],
        ["\"stream_options\":{\"include_usage\":true},", ""]
    )
    func aStream(setting: String, options: String) throws {
        let client = try client(setting)
        client.ask(#"{"model":"m","stream":true,\#(options)"messages":[]}"#)
        client.executors[0].answer()
        client.executors[0].say(Self.thought + Said.token + Self.usage + Said.finish + Said.done)
        client.executors[0].end()
        client.settle()
        let usage = options.isEmpty ? Self.usage.replacing(/,"usage":\{[^}]*\}/, with: "") : Self.usage
        let sent = changed(Self.thought + Said.token + usage + Said.finish + Said.done, setting)
        #expect(unframed(client.received).contains(sent), "\(client.received)")
        #expect(client.finished?.usage?.input == 7 && client.finished?.usage?.output == 3)
    }

    @Test(arguments: ["", "as-is", "reasoning", "reasoning_content", "both"]) func aWholeAnswer(setting: String) throws
    {
        let client = try client(setting)
        client.ask(chat(stream: false))
        client.executors[0].answer(200, type: "application/json", [("content-length", "\(Self.document.utf8.count)")])
        client.executors[0].say(Self.document)
        client.executors[0].end()
        client.settle()
        let sent = changed(Self.document, setting)
        #expect(client.received.hasSuffix("\r\n\r\n" + sent), "\(client.received)")
        #expect(client.received.lowercased().contains("content-length: \(sent.utf8.count)\r\n"))
        #expect(client.finished?.usage?.input == 7)
    }

    @Test func otherDialectsPassAsTheyAre() throws {
        let client = try client("both")
        let text = #"{"choices":[{"index":0,"text":"x","message":{"reasoning":"y"},"finish_reason":"stop"}]}"#
        client.ask(#"{"model":"m","prompt":"x"}"#, path: "/v1/completions")
        client.executors[0].answer(200, type: "application/json")
        client.executors[0].say(text)
        client.executors[0].end()
        #expect(client.received.contains(text))
    }

    /// The edge passes on an event that is too large for its buffer in pieces, and does not rename members in it.
    @Test func aLargeEventPassesAsItIs() throws {
        let client = try client("reasoning_content")
        let text = String(repeating: "x", count: 200_000)
        let large = #"data: {"choices":[{"index":0,"delta":{"reasoning":"\#(text)"}}]}"# + "\n\n"
        client.ask()
        client.executors[0].answer()
        client.executors[0].say(Said.token)
        // The executor sends the event in pieces.
        let bytes = Array(large.utf8)
        for start in stride(from: 0, to: bytes.count, by: 16_384) {
            client.executors[0].say(Array(bytes[start..<min(start + 16_384, bytes.count)]))
        }
        client.executors[0].say(Said.finish + Said.done)
        client.executors[0].end()
        client.pass(1_000_000_000)
        #expect(unframed(client.received).contains(large + Said.finish + Said.done))
    }

    @Test func theModelThatTheClientNamedDecides() throws {
        let environment = TestEnvironment(
            try testSnapshot(
                models: """
                    - {id: m, reasoning: reasoning_content, fallbacks: [n], executors: [{url: 'http://one:1'}]}
                    - {id: n, reasoning: both, executors: [{url: 'http://two:1'}]}
                    """
            )
        )
        let client = try TestClient(environment)
        client.ask()
        client.executors[0].refuse(503)
        client.settle()
        client.executors[1].answer()
        client.executors[1].say(Self.thought + Said.finish + Said.done)
        client.executors[1].end()
        let sent = changed(Self.thought, "reasoning_content") + Said.finish + Said.done
        #expect(unframed(client.received).contains(sent))
    }
}
