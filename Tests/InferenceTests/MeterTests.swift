// The meter classifies and counts the events of a stream, and decides whether the stream is complete.

import Inference
import Testing

@Suite struct MeterTests {
    let scanner = JSONScanner()

    func run(_ stream: String, _ dialect: Dialect, choices: Int = 1) -> (kinds: [Meter.EventClass], meter: Meter) {
        var meter = Meter(dialect: dialect, choices: choices)
        var now: UInt64 = 1000
        var kinds: [Meter.EventClass] = []
        for event in events([Array(stream.utf8)]).events {
            kinds.append(meter.read(Array(event.utf8).span, at: now, scanner: scanner))
            now += 10 + UInt64(kinds.count)
        }
        return (kinds, meter)
    }

    static func chunk(_ choices: String, _ rest: String = "") -> String {
        #"data: {"id":"chatcmpl-9","object":"chat.completion.chunk","created":1717171717,"model":"Qwen/Qwen3-Coder","choices":\#(choices)\#(rest)}"#
            + "\n\n"
    }

    static let vllm =
        chunk(#"[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]"#)
        + chunk(#"[{"index":0,"delta":{"content":"Hel\"error\": {"},"logprobs":null,"finish_reason":null}]"#)
        + chunk(#"[{"index":0,"delta":{"content":"lo"},"logprobs":null,"finish_reason":null}]"#)
        + chunk(#"[{"index":0,"delta":{"content":""},"logprobs":null,"finish_reason":"stop","stop_reason":null}]"#)
        + chunk("[]", #","usage":{"prompt_tokens":11,"total_tokens":14,"completion_tokens":3}"#)
        + "data: [DONE]\n\n"

    @Test func readsVLLM() {
        let (kinds, meter) = run(Self.vllm, .openAIChat)
        #expect(kinds == [.plain, .token, .token, .finish, .usage, .end])
        #expect(meter.isComplete && !meter.sawError)
        #expect(meter.promptTokens == 11 && meter.completionTokens == 3)
        #expect(meter.finishReason == "stop")
        #expect(meter.events == 4 && meter.tokens == 2)
        #expect(meter.firstEvent == 1000 && meter.firstToken == 1011 && meter.lastEvent == 1036)
        #expect(meter.gapCount == 3 && meter.gapSum == 36 && meter.longestGap == 13)
    }

    @Test func readsSGLang() {
        let stream =
            Self.chunk(
                #"[{"index":0,"delta":{"role":"assistant","content":"","reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":null,"matched_stop":null}]"#,
                #","usage":null"#
            )
            + Self.chunk(
                #"[{"index":0,"delta":{"role":null,"content":null,"reasoning_content":"Hm","tool_calls":null},"logprobs":null,"finish_reason":null,"matched_stop":null}]"#,
                #","usage":null"#
            )
            + Self.chunk(
                #"[{"index":0,"delta":{"content":"x"},"finish_reason":"length","matched_stop":null}]"#,
                #","usage":null"#
            )
            + Self.chunk("[]", #","usage":{"prompt_tokens":5,"completion_tokens":2}"#)
        let (kinds, meter) = run(stream, .openAIChat)
        #expect(kinds == [.plain, .token, .finish, .usage])
        #expect(!meter.isComplete && meter.isCompleteAtCleanEnd)
        #expect(meter.finishReason == "length" && meter.tokens == 2)
    }

    @Test func seesTheErrorInsideA200() {
        let (kinds, meter) = run(
            #"data: {"error":{"object":"error","message":"The request queue is full.","type":"x","param":null,"code":503}}"#
                + "\n\ndata: [DONE]\n\n",
            .openAIChat
        )
        #expect(kinds == [.error, .end])
        #expect(meter.error?.namedStatus == 503 && meter.error?.type == "x")
        #expect(meter.error?.message == "The request queue is full.")
        let plain = run(#"data: {"error":"full", "code":"503", "message":"later"}"# + "\n\n", .openAIChat).meter
        #expect(plain.error?.namedStatus == 503 && plain.error?.message == "full")
    }

    /// Errors within a chat stream, in the formats of several engines.
    @Test(arguments: [
        #"data: {"error":"full"}"#, #"data: {"object":"error","message":"m","type":"x","code":400}"#,
        #"data: {"message":"m","code":500}"#, #"data: {"detail":"m"}"#, #"data: {"detail":"m","status":503}"#,
        #"data: {"error_type":"overloaded","message":"m"}"#, #"data: {"success":false,"errors":[{"message":"m"}]}"#,
        #"data: {"id":"x","choices":[{"index":0,"delta":{},"error":{"code":502,"message":"m"}}]}"#,
        #"data: {"choices":[{"index":0,"finish_reason":{"type":"abort","message":"m","status_code":503}}]}"#,
        "event: error\ndata: {\"message\":\"m\"}", "event: error\ndata: m",
    ]) func seesTheErrorInTheFormsOfEngines(event: String) {
        let (kinds, meter) = run(event + "\n\n", .openAIChat)
        #expect(kinds == [.error] && meter.sawError && !meter.isErrorBare)
        #expect(meter.error?.message == (event.contains("full") ? "full" : "m"))
    }

    /// The meter detects an error in a line that is no field of an event, although clients ignore such a line.
    @Test(arguments: [
        #"{"error":{"message":"m","code":503}}"#, #"error: {"message":"m","code":503}"#,
        "event: error\n{\"error\":{\"message\":\"m\"}}",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n{\"error\":{\"message\":\"m\"}}",
    ]) func seesTheErrorInALineThatIsNoEvent(line: String) {
        let (kinds, meter) = run(line + "\n\n", .openAIChat)
        #expect(kinds == [.error] && meter.isErrorBare && meter.error?.message == "m")
    }

    @Test(arguments: [
        #"data: {"choices":[{"index":0,"delta":{"content":"a"},"error":null}],"detail":"x"}"#,
        #"data: {"message":"hello"}"#, #"data: {"code":200,"message":"hello"}"#, #"data: {"detail":"a","choices":[]}"#,
        #"{"note":"no error"}"#, #"data: {"choices":[{"index":0,"finish_reason":{"type":"stop"}}]}"#,
    ]) func takesOtherEventsForNoError(event: String) { #expect(!run(event + "\n\n", .openAIChat).meter.sawError) }

    @Test(arguments: ["null", "false", "\"\"", "{}", "0", "[]"]) func takesAFalsyErrorForNone(value: String) {
        let (kinds, meter) = run(
            Self.chunk(#"[{"index":0,"delta":{"content":"a"},"finish_reason":null}]"#, #","error":\#(value)"#),
            .openAIChat
        )
        #expect(kinds == [.token])
        #expect(!meter.sawError)
    }

    @Test func isNotTakenInByContent() {
        let choices = [
            #"[{"index":0,"delta":{"content":"error"},"finish_reason":null}]"#,
            #"[{"index":0,"delta":{"content":"usage"},"finish_reason":null}]"#,
            #"[{"index":0,"delta":{"content":"\",\"finish_reason\":\"stop\",\"usage\":{\"a\":1}"},"finish_reason":null}]"#,
            #"[{"index":0,"delta":{"content":"[DONE]"},"finish_reason":null}]"#,
            #"[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]},"finish_reason":null}]"#,
        ]
        let (kinds, meter) = run(choices.map { Self.chunk($0) }.joined(), .openAIChat)
        #expect(kinds == Array(repeating: .token, count: choices.count))
        #expect(!meter.isComplete && !meter.isCompleteAtCleanEnd && !meter.sawError)
    }

    @Test func waitsForAllChoices() {
        func finish(_ index: Int) -> String { Self.chunk(#"[{"index":\#(index),"delta":{},"finish_reason":"stop"}]"#) }
        #expect(!run(finish(0), .openAIChat, choices: 2).meter.isCompleteAtCleanEnd)
        #expect(!run(finish(0) + finish(0), .openAIChat, choices: 2).meter.isCompleteAtCleanEnd)
        #expect(run(finish(0) + finish(1), .openAIChat, choices: 2).meter.isCompleteAtCleanEnd)
    }

    @Test func knowsAnEventByItsLinesAlone() {
        #expect(run(": ping\n\n", .openAIChat).kinds == [.comment])
        #expect(run(": a\n: b\r\n\r\n", .openAIChat).kinds == [.comment])
        #expect(run("\n", .openAIChat).kinds == [.comment])
        #expect(run("retry: 5\n\n", .openAIChat).kinds == [.fields])
        let choice = "data:{\"choices\":[{\"index\":0}]}\r\n\r\n"
        #expect(run(choice + "data:[DONE]\r\n\r\n", .openAIChat).kinds == [.plain, .end])
        #expect(run("data: not json\n\n", .openAIChat).kinds == [.plain])
        let split = ": note\ndata: {\"choices\":[{\"index\":0,\ndata: \"finish_reason\":\"stop\"}]}\n\n"
        #expect(run(split, .openAIChat).kinds == [.finish])
        #expect(run("data: {\"a\":1,\ndata: \"error\":\"x\"}\n\n", .openAIChat).kinds == [.error])
    }

    /// JSON allows a tab wherever a space may stand.
    @Test(arguments: [" ", "\t", "\t \t"]) func seesKeysWithAnyBlankAroundTheirColon(blank: String) {
        func event(_ members: String) -> String {
            let colon = "\(blank):\(blank)"
            return "data: {" + members.replacing("=", with: colon) + "}\n\n"
        }
        let finish = run(event(#""choices"=[{"index"=0,"delta"={},"finish_reason"="stop"}]"#), .openAIChat)
        #expect(finish.kinds == [.finish] && finish.meter.isCompleteAtCleanEnd && finish.meter.finishReason == "stop")
        let usage = run(event(#""choices"=[],"usage"={"prompt_tokens"=2,"completion_tokens"=1}"#), .openAIChat)
        #expect(usage.kinds == [.usage] && usage.meter.promptTokens == 2)
        let token = run(event(#""choices"=[{"index"=0,"delta"={"content"="a"},"finish_reason"=null}]"#), .openAIChat)
        #expect(token.kinds == [.token] && !token.meter.isCompleteAtCleanEnd)
        #expect(run(event(#""error"=null,"choices"=[{"text"="a"}]"#), .completions).kinds == [.token])
        #expect(run(event(#""error"="x""#), .openAIChat).kinds == [.error])
    }

    @Test func readsUsageThatComesWithEachChunk() {
        let stream = Self.chunk(
            #"[{"index":0,"delta":{"content":"a"},"finish_reason":null}]"#,
            #","usage":{"prompt_tokens":4,"completion_tokens":1}"#
        )
        let (kinds, meter) = run(stream, .openAIChat)
        #expect(kinds == [.token] && meter.completionTokens == 1)
        // Azure sends a chunk with the results of its prompt filter. Its `choices` are empty as in a usage event, but
        // it has no usage, so it is not one.
        #expect(run(Self.chunk("[]", #","prompt_filter_results":[]"#), .openAIChat).kinds == [.plain])
    }

    @Test func readsCompletions() {
        let (kinds, meter) = run(
            #"data: {"id":"c","object":"text_completion","choices":[{"index":0,"text":"a","finish_reason":null}]}"#
                + "\n\n"
                + #"data: {"id":"c","object":"text_completion","choices":[{"index":0,"text":"","finish_reason":"stop"}]}"#
                + "\n\n",
            .completions
        )
        #expect(kinds == [.token, .finish] && meter.isCompleteAtCleanEnd)
    }

    static let anthropic = """
        event: message_start
        data: {"type":"message_start","message":{"id":"msg_1","role":"assistant","usage":{"input_tokens":25,"output_tokens":1}}}

        event: content_block_start
        data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

        event: ping
        data: {"type": "ping"}

        event: content_block_delta
        data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}

        event: content_block_stop
        data: {"type":"content_block_stop","index":0}

        event: message_delta
        data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":15}}


        """

    @Test func readsMessages() {
        let stop = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
        let (kinds, meter) = run(Self.anthropic + stop, .messages)
        #expect(kinds == [.plain, .plain, .plain, .token, .plain, .plain, .end])
        #expect(meter.isComplete && meter.finishReason == "end_turn")
        #expect(meter.promptTokens == 25 && meter.completionTokens == 15)
        #expect(!run(Self.anthropic, .messages).meter.isCompleteAtCleanEnd)
        let broken = run(
            Self.anthropic
                + "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Full\"}}\n\n",
            .messages
        )
        #expect(broken.kinds.last == .error)
        #expect(broken.meter.error?.type == "overloaded_error" && broken.meter.error?.message == "Full")
        #expect(!broken.meter.isCompleteAtCleanEnd)
    }

    @Test func readsResponses() {
        let start = """
            event: response.created
            data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","status":"in_progress","error":null,"usage":null}}

            event: response.output_item.added
            data: {"type":"response.output_item.added","sequence_number":1,"item":{}}

            event: response.output_text.delta
            data: {"type":"response.output_text.delta","sequence_number":2,"delta":"Hi"}

            data: {"type":"response.output_text.delta","sequence_number":3,"delta":"Hi"}

            event: response.output_text.done
            data: {"type":"response.output_text.done","sequence_number":4,"text":"Hi"}


            """
        let end = """
            event: response.completed
            data: {"type":"response.completed","response":{"id":"resp_1","error":null,"usage":{"input_tokens":3,"output_tokens":4}}}


            """
        let (kinds, meter) = run(start + end, .responses)
        #expect(kinds == [.plain, .plain, .token, .token, .plain, .end])
        #expect(meter.isComplete && meter.promptTokens == 3 && meter.completionTokens == 4)
        #expect(meter.finishReason == "completed" && !meter.sawError)
        #expect(!run(start, .responses).meter.isCompleteAtCleanEnd)
        let failed = run(
            #"data: {"type":"response.failed","response":{"error":{"code":"server_error","message":"Oh"}}}"# + "\n\n",
            .responses
        )
        #expect(failed.kinds == [.end] && failed.meter.isComplete)
        #expect(failed.meter.error?.message == "Oh")
        let error = run(
            #"event: error"# + "\n" + #"data: {"type":"error","code":"x","message":"Oh"}"# + "\n\n",
            .responses
        )
        #expect(error.kinds == [.error] && error.meter.error?.message == "Oh")
    }

    @Test func completesAResponseWhoseLastEventIsLarge() {
        let event = #"data: {"type":"response.completed","pad":""# + String(repeating: "x", count: 150_000) + "\"}\n\n"
        var splitter = EventSplitter()
        var meter = Meter(dialect: .responses)
        let bytes = Array(event.utf8)
        for start in stride(from: 0, to: bytes.count, by: 50_000) {
            #expect(!meter.isComplete)
            splitter.feed(Array(bytes[start..<min(bytes.count, start + 50_000)]).span) { piece, kind in
                _ = meter.readPiece(piece, kind: kind, at: 1, scanner: scanner)
            }
        }
        #expect(meter.isComplete)
    }

    @Test func letsOtherStreamsEndWithTheirFraming() {
        #expect(run("data: {\"a\":1}\n\n", .other).meter.isCompleteAtCleanEnd)
    }

    @Test func countsATokenThatComesWithTheFinish() {
        let only = run(Self.chunk(#"[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]"#), .openAIChat)
        #expect(only.kinds == [.finish])
        #expect(only.meter.tokens == 1 && only.meter.firstToken == 1000)
    }

    @Test(arguments: ["-1", "9223372036854775807", "-9223372036854775808", "1099511627777", "1.5", "null"])
    func aCountThatCannotBeIsNone(_ count: String) {
        let usage = #"{"prompt_tokens":\#(count),"completion_tokens":\#(count)}"#
        let stream = run(Self.chunk("[]", #","usage":\#(usage)"#), .openAIChat)
        #expect(stream.meter.promptTokens == nil && stream.meter.completionTokens == nil)
        let scan = scanner.scanAnswer(Array(#"{"choices":[],"usage":\#(usage)}"#.utf8).span)
        #expect(scan.isValid && scan.hasUsage && scan.tokens == TokenCounts())
    }

    @Test func isSmall() { #expect(MemoryLayout<Meter>.size < 200) }
}
