// Tests events of streams that are too large for the buffer in which the edge collects an event.

import Inference
import Testing

@Suite struct LargeEventTests {
    private let scanner = JSONScanner()

    private struct Run {
        var kinds: [Meter.EventClass] = []
        var meter: Meter
    }

    private func large(_ event: String, _ dialect: Dialect) -> Run {
        var run = Run(meter: Meter(dialect: dialect))
        var splitter = EventSplitter()
        let bytes = Array(event.utf8)
        for start in stride(from: 0, to: bytes.count, by: 16_000) {
            splitter.feed(Array(bytes[start..<min(bytes.count, start + 16_000)]).span) { piece, kind in
                run.kinds.append(run.meter.readPiece(piece, kind: kind, at: 1, scanner: scanner))
            }
        }
        return run
    }

    @Test func aLargeEventMaySayWhatItIsLast() {
        let output = String(repeating: #"{"text":"\"}]\u00e9","list":[1,{"type":"x"}]},"#, count: 4000)
        let event =
            #"data: {"response":{"output":[\#(output)null],"usage":{"input_tokens":3,"output_tokens":4,"#
            + #""output_tokens_details":{"reasoning_tokens":2}},"error":null},"ty\u0070e":"response.completed"}"#
            + "\n\n"
        let run = large(event, .responses)
        #expect(run.kinds.last == .end && run.meter.isComplete && !run.meter.sawError)
        #expect(run.meter.promptTokens == 3 && run.meter.completionTokens == 4)
        #expect(run.meter.counts.reasoning.value == 2 && run.meter.finishReason == "completed")
        #expect(run.kinds.dropLast().allSatisfy { $0 == .plain })
    }

    @Test func aLargeEventMayFinishAChoiceOrTellAnError() {
        let pad = String(repeating: "x", count: 100_000)
        let finish =
            #"data: {"choices":[{"index":0,"delta":{"content":"\#(pad)"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7}}"#
        let run = large(finish + "\n\n", .openAIChat)
        #expect(run.kinds.last == .finish && run.meter.isCompleteAtCleanEnd && run.meter.promptTokens == 7)
        let error = large(#"data: {"error":{"message":"\#(pad)","code":503}}"# + "\n\n", .openAIChat)
        #expect(error.meter.sawError && error.kinds.last == .error)
        let cut = large(String(finish.dropLast()) + "\n\n", .openAIChat)
        #expect(cut.kinds.last == .token && !cut.meter.isCompleteAtCleanEnd)
    }
}
