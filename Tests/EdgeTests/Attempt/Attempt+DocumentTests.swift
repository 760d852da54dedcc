// JSON responses: which are complete, and which are relayed.
import HTTP
import Inference
import Testing

@testable import Edge

@Suite struct AttemptDocumentTests {
    @Test(arguments: [Dialect.openAIChat, .completions]) func aReasonThatIsNoneDoesNotEndADocument(dialect: Dialect)
        throws
    {
        for reason in ["null", "\"\""] {
            let whole = try PlayedAttempt(dialect, body: chat(stream: false))
            whole.answers(
                #"{"choices":[{"index":0,"text":"x","message":{"content":"x"},"finish_reason":\#(reason)}]}"#,
                type: "application/json"
            )
            #expect(whole.end == "failed executor_broke_off" && whole.attempt.failure?.retry == .elsewhere)
        }
        // Small engines omit `finish_reason`.
        let without = try PlayedAttempt(dialect, body: chat(stream: false))
        without.answers(#"{"choices":[{"index":0,"text":"x"}]}"#, type: "application/json")
        #expect(without.end == "whole")
    }

    @Test(arguments: [Dialect.openAIChat, .completions, .messages, .responses, .embeddings, .countTokens, .rerank])
    func anAnswerWithoutABodyIsNone(dialect: Dialect) throws {
        for (text, body) in [("", ResponseBody.known(0)), ("", .chunked), (" \n", .chunked), ("", .untilClose)] {
            let attempt = try PlayedAttempt(dialect, body: chat(stream: false))
            attempt.answers(text, type: "application/json", body: body)
            #expect(attempt.end.hasPrefix("failed") && attempt.attempt.failure?.status == 502, "\(body)")
            #expect(attempt.attempt.failure?.retry == .elsewhere && attempt.relayed.isEmpty)
        }
        let other = try PlayedAttempt(.other, body: chat(stream: false))
        other.answers("", type: "application/json", body: .known(0))
        #expect(other.end == "whole")
    }

    @Test func aMessageWithoutAReasonIsABrokenAttempt() throws {
        let json = #"{"type":"message","content":[],"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":2}}"#
        let whole = try PlayedAttempt(.messages, body: chat(stream: false))
        whole.answers(json, type: "application/json")
        #expect(whole.end == "failed executor_broke_off")
        // vLLM omits members that are null.
        let without = try PlayedAttempt(.messages, body: chat(stream: false))
        without.answers(json.replacing(#""stop_reason":null,"#, with: ""), type: "application/json")
        #expect(without.end == "failed executor_broke_off" && without.attempt.failure?.retry == .elsewhere)
        let good = try PlayedAttempt(.messages, body: chat(stream: false))
        good.answers(json.replacing("null", with: #""end_turn""#), type: "application/json")
        #expect(good.end == "whole")
    }

    @Test(arguments: [Said.document, "[1]", "data", "evening", "\u{FEFF}{}"])
    func whatIsNoStreamIsADocument(text: String) throws {
        let attempt = try PlayedAttempt(.other)
        attempt.answers(text, type: "text/plain")
        #expect(attempt.owner.heard.first == "head document" && attempt.end == "whole" && attempt.relayed == text)
    }

    @Test func whereNoStreamIsAskedForNoneIsLookedFor() throws {
        let attempt = try PlayedAttempt(body: chat(stream: false))
        attempt.answers(Said.token, type: "text/plain")
        #expect(attempt.owner.heard == ["head document", "ready", Said.token, "whole"])
    }

    @Test(arguments: [
        Said.document, #"[{"index":0,"relevance_score":0.5}]"#, #"{"choices":[null]}"#, #""text""#,
        #"{"choices":[{"index":0,"message":{"tool_calls":[{"function":{"arguments":"{}"}}],"x":{"y":[1]}},"finish_reason":"stop"}]}"#,
    ]) func aWholeDocumentIsAnAnswerAndACutOneIsNot(json: String) throws {
        let bytes = Array(json.utf8)
        let dialect = json.hasPrefix("{") ? Dialect.openAIChat : .rerank
        let first = try PlayedAttempt(dialect, body: chat(stream: false))
        for count in 1...bytes.count {
            let attempt = try PlayedAttempt(dialect, body: chat(stream: false), in: first.environment)
            attempt.answers(
                String(decoding: bytes[..<count], as: UTF8.self),
                type: "application/json",
                body: .untilClose
            )
            #expect(attempt.end == (count == bytes.count ? "whole" : "failed executor_broke_off"), "\(count)")
        }
    }

    @Test func aLargeDocumentIsReadAsItPasses() throws {
        let row = #"{"index":0,"embedding":[0.25,-1e-3],"x":"\\\"]}\u00e9"},"#
        let rows = String(repeating: row, count: Attempt.heldMax / row.utf8.count + 1000)
        let json = #"{"data":[\#(rows)null],"usage":{"prompt_tokens":12,"total_tokens":12}}"#
        for count in [json.count, json.count - 1, json.count - 60] {
            let attempt = try PlayedAttempt(.embeddings, body: chat(stream: false))
            attempt.played.answer(type: "application/json", body: .untilClose)
            var rest = json.prefix(count)
            while !rest.isEmpty {
                attempt.played.say(String(rest.prefix(50_000)))
                rest = rest.dropFirst(50_000)
            }
            attempt.played.end()
            let isWhole = count == json.count
            #expect(attempt.end == (isWhole ? "whole" : "broke executor_broke_off") && attempt.relayed.count == count)
            #expect(attempt.attempt.answer.scan?.tokens.prompt(in: .embeddings) == (isWhole ? 12 : nil))
        }
    }
}
