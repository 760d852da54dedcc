// Which events end a stream, and which only resemble an end.

import Inference
import Testing

@Suite struct StreamEndTests {
    private let scanner = JSONScanner()

    private func run(_ stream: String, _ dialect: Dialect = .openAIChat, choices: Int = 1) -> Run {
        var run = Run(meter: Meter(dialect: dialect, choices: choices))
        for event in events([Array(stream.utf8)]).events {
            run.kinds.append(run.meter.read(Array(event.utf8).span, at: 1, scanner: scanner))
        }
        return run
    }

    private struct Run {
        var kinds: [Meter.EventClass] = []
        var meter: Meter
    }

    private static func chunk(_ reason: String, index: Int = 0, text: String = "a") -> String {
        #"data: {"choices":[{"index":\#(index),"delta":{"content":"\#(text)"},"finish_reason":\#(reason)}]}"# + "\n\n"
    }
    private static let done = "data: [DONE]\n\n"

    @Test(arguments: ["null", "\"\""]) func aReasonThatIsNoneEndsNothing(reason: String) {
        let cut = run(Self.chunk(reason) + Self.chunk(reason))
        #expect(cut.kinds == [.token, .token] && !cut.meter.isCompleteAtCleanEnd && cut.meter.finishReason == nil)
        #expect(run(Self.chunk(reason) + Self.chunk(#""stop""#) + Self.done).kinds == [.token, .finish, .end])
        // `[DONE]` completes nothing if the engine has sent an empty finish reason.
        let ended = run(Self.chunk(reason) + Self.done)
        #expect(ended.kinds == [.token, .broken] && !ended.meter.isComplete)
        // After an error event, `[DONE]` only ends the stream, and does not count as another failure.
        let error = "data: {\"error\":{\"message\":\"x\"}}\n\n"
        #expect(run(Self.chunk(reason) + error + Self.done).kinds == [.token, .error, .end])
    }

    @Test(arguments: [Dialect.openAIChat, .completions, .messages]) func anEndOfNothingIsNone(dialect: Dialect) {
        let usage = dialect == .messages ? "" : "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n"
        let end = dialect == .messages ? "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n" : Self.done
        for begin in ["", ": comment\n\n", usage] {
            let run = run(begin + end, dialect)
            #expect(run.kinds.last == .broken && !run.meter.isComplete)
        }
    }

    @Test(arguments: [
        #""abort""#, #""error""#, #"{"type":"abort","message":"x"}"#, #""insufficient_system_resource""#,
        #""ERROR""#, #""TIMEOUT""#, #""cancelled""#, #""network_error""#, #""not_finished""#,
    ]) func aReasonOfABrokenAttempt(reason: String) {
        let run = run(Self.chunk(#"null"#) + Self.chunk(reason))
        #expect(run.kinds == [.token, .broken] && !run.meter.isComplete)
        #expect(run.meter.finishReason.map { reason.contains($0) } == true)
    }

    @Test(arguments: [#""abortive""#, #""err""#, #""time""#]) func aWordThatOnlyResemblesOneIsAReason(reason: String) {
        #expect(run(Self.chunk(reason) + Self.done).kinds == [.finish, .end])
    }

    @Test func anUnknownReasonIsAReason() {
        let run = run(Self.chunk(#""banana""#) + Self.done)
        #expect(run.kinds == [.finish, .end] && run.meter.isComplete && run.meter.finishReason == "banana")
    }

    @Test func anEngineThatNeverTellsReasonsEndsByItsOwnEnd() {
        let chunk = #"data: {"choices":[{"index":0,"delta":{"content":"a"}}]}"# + "\n\n"
        #expect(run(chunk + Self.done).kinds == [.token, .end])
        #expect(!run(chunk).meter.isCompleteAtCleanEnd)
    }

    @Test func everyChoiceHasItsReason() {
        let half = Self.chunk("null") + Self.chunk("null", index: 1) + Self.chunk(#""stop""#)
        #expect(run(half + Self.done, choices: 2).kinds.last == .broken)
        #expect(!run(half, choices: 2).meter.isCompleteAtCleanEnd)
        let whole = half + Self.chunk(#""length""#, index: 1)
        #expect(run(whole + Self.done, choices: 2).kinds.last == .end)
        #expect(run(whole, choices: 2).meter.isCompleteAtCleanEnd)
        #expect(run(half + Self.chunk(#""abort""#, index: 1), choices: 2).kinds.last == .broken)
    }

    @Test(arguments: [#"finish\u005freason"#, #"\u0066inish_reason"#, #"finish_reaso\u006E"#])
    func keysMayBeSpelledWithEscapes(key: String) {
        let run = run(#"data: {"choices":[{"index":0,"delta":{},"\#(key)":"stop"}]}"# + "\n\n")
        #expect(run.kinds == [.finish] && run.meter.isCompleteAtCleanEnd)
        // Tries each offset within the 16-byte blocks that the prefilter reads.
        for pad in 0..<40 {
            let event = #"data: {"p":"\#(String(repeating: "x", count: pad))","\u0065rror":{"message":"m"}}"# + "\n\n"
            #expect(self.run(event).meter.sawError)
            let text = #"data: {"p":"\#(String(repeating: "x", count: pad))\u00e9","choices":[{"text":"a"}]}"# + "\n\n"
            #expect(self.run(text).kinds == [.token])
        }
    }

    private static let start = #"data: {"type":"message_start","message":{"stop_reason":null}}"# + "\n\n"
    private static let startWithoutReason = #"data: {"type":"message_start","message":{"id":"m"}}"# + "\n\n"
    private static func delta(_ reason: String) -> String {
        "event: message_delta\n" + #"data: {"type":"message_delta","delta":{"stop_reason":\#(reason)}}"# + "\n\n"
    }
    private static let stop = "event: message_stop\n" + #"data: {"type":"message_stop"}"# + "\n\n"

    @Test func aMessageWithoutAReasonHasBrokenOff() {
        for reason in ["null", "\"\""] {
            let run = run(Self.start + Self.delta(reason) + Self.stop, .messages)
            #expect(run.kinds.last == .broken && !run.meter.isComplete)
        }
        #expect(run(Self.start + Self.delta(#""abort""#), .messages).kinds.last == .broken)
        #expect(run(Self.start + Self.delta(#""end_turn""#) + Self.stop, .messages).kinds.last == .end)
        let begun = run(Self.start + Self.stop, .messages)
        #expect(begun.kinds.last == .broken && !begun.meter.isComplete, "its begin has said that there is none")
        let silent = run(Self.startWithoutReason + Self.stop, .messages)
        #expect(silent.kinds.last == .end, "an engine that tells no reasons")
    }

    @Test(arguments: ["completed", "incomplete", "cancelled", "done"]) func responsesEndByManyNames(name: String) {
        let json = #"{"type":"response.\#(name)","response":{"usage":{"input_tokens":3,"output_tokens":4}}}"#
        for event in ["data: \(json)\n\n", "event: response.\(name)\ndata: \(json)\n\n"] {
            let run = run(event, .responses)
            #expect(run.kinds == [.end] && run.meter.isComplete && run.meter.finishReason == name)
            #expect(run.meter.promptTokens == 3)
        }
    }

    @Test(arguments: [
        "id: 7\ndata: [DONE]\n\n", ": a comment\ndata: [DONE]\n\n", "event: message\ndata: [DONE]\n\n",
        "retry: 5\r\ndata:[DONE]\r\n\r\n", "event\ndata: [DONE]\n\n",
    ]) func theEndIsSeenBehindOtherLines(event: String) {
        #expect(run(Self.chunk(#""stop""#) + event).kinds == [.finish, .end])
    }

    @Test func fieldsWithoutDataAreToldFromComments() {
        #expect(run("id: 7\n\n").kinds == [.fields])
        #expect(run(": a\nretry: 10\n\n").kinds == [.fields])
        #expect(run("event: ping\n\n").kinds == [.comment])
        #expect(run("datum: x\n\n").kinds == [.comment])
        #expect(run("data\n\n").kinds == [.plain], "data without a colon is data that is empty")
    }

    /// A reader joins the data lines of an event, and two joined documents are not valid JSON.
    @Test func twoDocumentsInOneEventCountForNothing() {
        let finish =
            #"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}"#
        for event in ["data: \(finish)\ndata: \(finish)\n\n", "data: \(finish) {}\n\n", "data: \(finish)]\n\n"] {
            let run = run(event)
            #expect(run.kinds == [.plain] && !run.meter.isCompleteAtCleanEnd && run.meter.promptTokens == nil)
        }
        let broken = finish.replacing("\"a\"", with: "\"a\",\"b\":{\"c\":nul}")
        #expect(run("data: \(broken)\n\n").kinds == [.plain], "also where the scan need not look")
        #expect(run("data: \(finish)\ndata:\n\n").kinds == [.finish], "an empty line adds a line end")
    }
}
