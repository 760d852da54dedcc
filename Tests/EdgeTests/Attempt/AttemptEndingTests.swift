import HTTP
import Inference
import Testing

@testable import Edge

/// Which answers an attempt accepts as whole, and how it ends the others.
@Suite struct AttemptEndingTests {
    private static func chunk(_ reason: String) -> String {
        #"data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":\#(reason)}]}"# + "\n\n"
    }

    // MARK: Reasons

    @Test(arguments: [#""abort""#, #""error""#]) func aReasonThatSaysSoIsABrokenAttempt(reason: String) throws {
        let begun = try PlayedAttempt()
        begun.answers(Said.token + Self.chunk(reason) + Said.done)
        #expect(begun.end == "broke executor_broke_off" && begun.relayed == Said.token)
        let first = try PlayedAttempt()
        first.answers(Self.chunk(reason) + Said.done)
        #expect(first.end == "failed executor_broke_off" && first.relayed.isEmpty)
        #expect(first.attempt.failure?.retry == .elsewhere && first.played.isCancelled)
        let whole = try PlayedAttempt(body: chat(stream: false))
        whole.answers(
            #"{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":\#(reason)}]}"#,
            type: "application/json"
        )
        #expect(whole.end == "failed executor_broke_off" && whole.relayed.isEmpty)
        #expect(whole.attempt.failure?.retry == .elsewhere)
    }

    @Test func aReasonThatIsNoneDoesNotEndAStream() throws {
        for reason in ["null", "\"\""] {
            let cut = try PlayedAttempt()
            cut.answers(Self.chunk(reason) + Self.chunk(reason))
            #expect(cut.end == "broke executor_broke_off" && cut.relayed == Self.chunk(reason) + Self.chunk(reason))
            let ended = try PlayedAttempt()
            ended.answers(Self.chunk(reason) + Said.done)
            #expect(ended.end == "broke executor_broke_off" && ended.relayed == Self.chunk(reason))
        }
    }

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
        // Small engines omit the member.
        let without = try PlayedAttempt(dialect, body: chat(stream: false))
        without.answers(#"{"choices":[{"index":0,"text":"x"}]}"#, type: "application/json")
        #expect(without.end == "whole")
    }

    // MARK: Nothing

    @Test func anEndOfNothingIsABrokenAttempt() throws {
        for nothing in [Said.done, ": comment\n\n" + Said.done, Self.usage + Said.done] {
            let attempt = try PlayedAttempt()
            attempt.answers(nothing)
            #expect(attempt.end.hasSuffix("executor_broke_off"))
            #expect(!attempt.relayed.contains("[DONE]"))
        }
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

    // MARK: An engine that refuses the usage that only the edge had requested

    private static let refusal =
        #"{"error":{"message":"Unrecognized request argument supplied: stream_options","param":"stream_options"}}"#

    @Test func anEngineThatRefusesToTellTheUsageIsAskedWithoutItFromThenOn() throws {
        let attempt = try PlayedAttempt()
        let asked = attempt.played
        #expect(asked.body.contains("stream_options"))
        asked.answer(400, type: "application/json")
        asked.say(Self.refusal)
        asked.end()
        #expect(attempt.environment.executors.count == 2 && attempt.owner.heard.last == "head none")
        #expect(attempt.played.body == chat())
        attempt.answers(Said.token + Self.usage + Said.finish + Said.done)
        #expect(attempt.end == "whole" && attempt.relayed == Said.token + Self.usage + Said.finish + Said.done)
        let next = try PlayedAttempt(in: attempt.environment)
        #expect(next.played.body == chat())
    }

    @Test func whatTheClientItselfAskedForIsRefusedToIt() throws {
        let attempt = try PlayedAttempt(body: #"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#)
        attempt.played.answer(400, type: "application/json")
        attempt.played.say(Self.refusal)
        attempt.played.end()
        #expect(attempt.environment.executors.count == 1 && attempt.end.hasPrefix("failed"))
        #expect(attempt.attempt.failure?.status == 400 && attempt.attempt.failure?.side == .client)
        let other = try PlayedAttempt()
        other.played.answer(400, type: "application/json")
        other.played.say(Self.refusal.replacing("stream_options", with: "max_tokens"))
        other.played.end()
        #expect(other.environment.executors.count == 1 && other.attempt.failure?.status == 400)
    }

    @Test func oneChoiceWithoutAReasonIsABrokenAttempt() throws {
        let attempt = try PlayedAttempt(choices: 2)
        let other = #"data: {"choices":[{"index":1,"delta":{"content":"x"},"finish_reason":null}]}"# + "\n\n"
        attempt.answers(other + Said.finish + Said.done)
        #expect(attempt.end == "broke executor_broke_off" && attempt.relayed == other + Said.finish)
    }

    @Test func aMessageWithoutAReasonIsABrokenAttempt() throws {
        let json = #"{"type":"message","content":[],"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":2}}"#
        let whole = try PlayedAttempt(.messages, body: chat(stream: false))
        whole.answers(json, type: "application/json")
        #expect(whole.end == "failed executor_broke_off")
        // The form of vLLM, which omits members that are null.
        let without = try PlayedAttempt(.messages, body: chat(stream: false))
        without.answers(json.replacing(#""stop_reason":null,"#, with: ""), type: "application/json")
        #expect(without.end == "failed executor_broke_off" && without.attempt.failure?.retry == .elsewhere)
        let good = try PlayedAttempt(.messages, body: chat(stream: false))
        good.answers(json.replacing("null", with: #""end_turn""#), type: "application/json")
        #expect(good.end == "whole")
    }

    // MARK: Event streams without a content type

    @Test(arguments: [nil, "text/plain", "application/octet-stream", "application/json"] as [String?])
    func aStreamWithoutItsLabelIsAStream(type: String?) throws {
        for begin in ["", "\u{FEFF}", "\n", ": x\n\n", "retry: 5\n\n", "event: message\n", "id: 1\n"] {
            let text = begin + Said.token + Said.finish + Said.done
            let attempt = try PlayedAttempt()
            attempt.played.answer(type: type)
            for byte in text.utf8 { attempt.played.say([byte]) }
            #expect(attempt.owner.heard.prefix(2) == ["head events", "ready"] && attempt.end == "whole")
            #expect(attempt.relayed.hasSuffix(Said.finish + Said.done))
            let cut = try PlayedAttempt()
            cut.answers(begin + Said.token, type: type)
            #expect(cut.end == "broke executor_broke_off")
        }
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

    // MARK: Lines

    @Test(arguments: [Said.done, "id: 4\ndata: [DONE]\n\n", "data: {\"a\":1}\n\n"])
    func aLastEventMayLackItsBlankLine(last: String) throws {
        for count in 1...2 {
            let attempt = try PlayedAttempt()
            attempt.answers(Said.token + Said.finish + String(last.dropLast(count)))
            #expect(attempt.isComplete && attempt.relayed == Said.token + Said.finish + last)
            let torn = try PlayedAttempt()
            torn.answers(Said.token + Said.finish + String(last.dropLast(count)), closesInOrder: false)
            #expect(torn.end == "broke executor_broke_off" && torn.relayed == Said.token + Said.finish)
        }
        let half = try PlayedAttempt()
        half.answers(Said.token + Said.finish + String(last.dropLast(3)))
        #expect(half.end == "broke executor_broke_off" && half.relayed == Said.token + Said.finish)
    }

    @Test func theFirstEventMayFollowAByteOrderMark() throws {
        let attempt = try PlayedAttempt()
        attempt.answers("\u{FEFF}" + Said.token + Said.finish + Said.done)
        #expect(attempt.end == "whole" && attempt.relayed == Said.token + Said.finish + Said.done)
    }

    @Test func fieldsBeforeTheFirstDataAreRelayedWithIt() throws {
        let attempt = try PlayedAttempt()
        attempt.played.answer()
        attempt.played.say(": x\n\nretry: 5\n\nid: 1\n\n")
        #expect(attempt.owner.heard == ["head events"], "nothing is committed by them")
        attempt.played.say(Said.token)
        #expect(attempt.relayed == "retry: 5\n\nid: 1\n\n" + Said.token)
        let failed = try PlayedAttempt()
        failed.answers("retry: 5\n\n" + Said.error())
        #expect(failed.end == "failed executor_error" && failed.relayed.isEmpty)
    }

    @Test func aLargeLastEventThatBrokeIsRelayedBeforeItIsTold() throws {
        let pad = String(repeating: "x", count: 2 * EventSplitter.limit)
        let event = #"data: {"pad":"\#(pad)","choices":[{"index":0,"delta":{},"finish_reason":"abort"}]}"# + "\n\n"
        let attempt = try PlayedAttempt()
        attempt.played.answer()
        attempt.played.say(Said.token + String(event.prefix(70_000)))
        attempt.played.say(String(event.dropFirst(70_000)) + Said.done)
        #expect(attempt.end == "broke executor_broke_off" && attempt.relayed == Said.token + event)
    }

    // MARK: Documents that end with the connection

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

    // MARK: The usage that only the edge had requested

    private static let usage = #"data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}}"# + "\n\n"
    private static let timings = #"data: {"choices":[],"usage":{"prompt_tokens":7},"timings":{"n":1}}"# + "\n\n"
    private static let continuous =
        #"data: {"choices":[{"index":0,"delta":{"content":"x"}}],"usage":{"prompt_tokens":7}}"# + "\n\n"

    @Test func theUsageThatOnlyWeAskedForIsTakenOut() throws {
        let attempt = try PlayedAttempt()
        attempt.answers(Said.token + Self.continuous + Said.finish + Self.usage + Self.timings + Said.done)
        let left = #"data: {"choices":[],"timings":{"n":1}}"# + "\n\n"
        #expect(attempt.end == "whole" && attempt.relayed == Said.token + Said.token + Said.finish + left + Said.done)
        #expect(attempt.attempt.meter.promptTokens == 7 && attempt.attempt.meter.completionTokens == 5)
    }

    @Test func theUsageThatTheClientAskedForStays() throws {
        let options = #""stream_options":{"include_usage":true,"continuous_usage_stats":true}"#
        let attempt = try PlayedAttempt(body: #"{"model":"m","stream":true,\#(options)}"#)
        let text = Said.token + Self.continuous + Said.finish + Self.usage + Self.timings + Said.done
        attempt.answers(text)
        #expect(attempt.end == "whole" && attempt.relayed == text)
    }
}
