import HTTP
import Inference
import Testing

@testable import Edge

/// Which streams an attempt accepts as complete, and how it ends the others.
@Suite struct AttemptStreamTests {
    private static func chunk(_ reason: String) -> String {
        #"data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":\#(reason)}]}"# + "\n\n"
    }

    // MARK: Finish reasons

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

    // MARK: Streams without content

    @Test func anEndOfNothingIsABrokenAttempt() throws {
        for nothing in [Said.done, ": comment\n\n" + Said.done, Self.usage + Said.done] {
            let attempt = try PlayedAttempt()
            attempt.answers(nothing)
            #expect(attempt.end.hasSuffix("executor_broke_off"))
            #expect(!attempt.relayed.contains("[DONE]"))
        }
    }

    @Test func oneChoiceWithoutAReasonIsABrokenAttempt() throws {
        let attempt = try PlayedAttempt(choices: 2)
        let other = #"data: {"choices":[{"index":1,"delta":{"content":"x"},"finish_reason":null}]}"# + "\n\n"
        attempt.answers(other + Said.finish + Said.done)
        #expect(attempt.end == "broke executor_broke_off" && attempt.relayed == other + Said.finish)
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

    // MARK: Incomplete last lines

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

    // MARK: Usage that only the edge requested

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
