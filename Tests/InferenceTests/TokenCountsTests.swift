// Token usage in the formats of all dialects.

import Inference
import Testing

@Suite struct TokenCountsTests {
    private let scanner = JSONScanner()

    private func counts(_ usage: String) -> TokenCounts {
        scanner.scanAnswer(Array(#"{"usage":\#(usage)}"#.utf8).span).tokens
    }

    @Test func thePromptOfAMessageHasItsCaches() {
        let usage =
            #"{"input_tokens":90,"cache_read_input_tokens":600,"cache_creation_input_tokens":40,"output_tokens":5}"#
        #expect(counts(usage).prompt(in: .messages) == 730)
        #expect(counts(usage).cached(in: .messages) == 600 && counts(usage).output.value == 5)
        // A gateway's chat response has cache counts too, but its `prompt_tokens` includes them.
        #expect(counts(usage.replacing("\"input_tokens", with: "\"prompt_tokens")).prompt(in: .openAIChat) == 90)
    }

    @Test func cachedAndReasoningTokensAreKeptBeside() {
        let chat =
            #"{"prompt_tokens":10,"completion_tokens":9,"prompt_tokens_details":{"cached_tokens":8,"audio_tokens":0},"#
            + #""completion_tokens_details":{"reasoning_tokens":7}}"#
        #expect(counts(chat).prompt(in: .openAIChat) == 10 && counts(chat).cached(in: .openAIChat) == 8)
        #expect(counts(chat).reasoning.value == 7)
        let responses =
            #"{"input_tokens":10,"input_tokens_details":{"cached_tokens":4},"output_tokens":9,"#
            + #""output_tokens_details":{"reasoning_tokens":3}}"#
        #expect(counts(responses).prompt(in: .responses) == 10 && counts(responses).cached(in: .responses) == 4)
        #expect(counts(responses).reasoning.value == 3)
        #expect(counts(#"{"prompt_tokens":1,"prompt_tokens_details":null}"#).cached(in: .openAIChat) == nil)
    }

    /// If `usage` does not count the cached tokens, llama.cpp's `timings` do, wherever they are in an answer of any
    /// size.
    @Test func timingsTellWhatTheUsageDoesNot() {
        func cached(_ json: String) -> Int? {
            let whole = scanner.scanAnswer(Array(json.utf8).span).tokens.cached(in: .openAIChat)
            var large = LargeDocument()
            large.take(Array(json.utf8).span)
            #expect(large.scan(with: scanner).tokens.cached(in: .openAIChat) == whole)
            var meter = Meter(dialect: .openAIChat)
            _ = meter.read(Array("data: \(json)\n\n".utf8).span, at: 1, scanner: scanner)
            #expect(meter.counts.cached(in: .openAIChat) == whole)
            return whole
        }
        let (timings, usage) = (#""timings":{"cache_n":236,"prompt_n":1}"#, #""usage":{"prompt_tokens":237}"#)
        #expect(cached("{\"choices\":[],\(usage),\(timings)}") == 236)
        #expect(cached("{\(timings),\"choices\":[],\(usage)}") == 236)
        let details = #""usage":{"prompt_tokens":237,"prompt_tokens_details":{"cached_tokens":5}}"#
        #expect(cached("{\"choices\":[],\(timings),\(details)}") == 5)
        #expect(cached("{\"choices\":[],\(details),\(timings)}") == 5)
        #expect(cached("{\"choices\":[],\(usage),\"timings\":{\"cache_n\":-1}}") == nil)
        #expect(cached("{\"choices\":[],\(usage),\"timings\":7}") == nil)
    }

    /// llama.cpp sends its `timings` in the event with the finish reason, and the usage in a later event.
    @Test func timingsMayComeBeforeTheUsage() {
        var meter = Meter(dialect: .openAIChat)
        func read(_ json: String) { _ = meter.read(Array("data: \(json)\n\n".utf8).span, at: 1, scanner: scanner) }
        read(#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"timings":{"cache_n":9}}"#)
        read(#"{"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":1}}"#)
        #expect(meter.counts.cached(in: .openAIChat) == 9 && meter.promptTokens == 12 && meter.usages == 1)
    }

    @Test func aTotalIsThePromptOfWhatGeneratesNothing() {
        #expect(counts(#"{"total_tokens":56}"#).prompt(in: .rerank) == 56)
        #expect(counts(#"{"total_tokens":56}"#).prompt(in: .openAIChat) == nil)
    }

    @Test func aCountMayBeWrittenAsAFraction() {
        let usage = counts(#"{"prompt_tokens":5.0,"completion_tokens":2e1,"total_tokens":2.5}"#)
        #expect(usage.input.value == 5 && usage.output.value == 20 && usage.total.value == nil)
    }

    /// Usage inside Groq's `x_groq` object and inside Moonshot's choices.
    @Test(arguments: [
        #"{"choices":[{"index":0,"finish_reason":"stop"}],"x_groq":{"id":"r","usage":{"prompt_tokens":7,"completion_tokens":5}}}"#,
        #"{"choices":[{"index":0,"finish_reason":"stop","usage":{"prompt_tokens":7,"completion_tokens":5,"cached_tokens":2}}]}"#,
    ]) func aUsageMayStandFurtherInside(json: String) {
        var meter = Meter(dialect: .openAIChat)
        #expect(meter.read(Array("data: \(json)\n\n".utf8).span, at: 1, scanner: scanner) == .finish)
        #expect(meter.promptTokens == 7 && meter.completionTokens == 5 && meter.usages == 1)
        var large = LargeDocument()
        large.take(Array(json.utf8).span)
        #expect(large.scan(with: scanner).tokens.input.value == 7)
    }

    /// Each argument has the usage of `message_start`, the usage of `message_delta`, and the prompt tokens that result.
    @Test(arguments: [
        // vLLM: `input_tokens` is the whole prompt in the first usage, and leaves out its cached part in the last one.
        (
            #"{"input_tokens":1810,"output_tokens":0}"#,
            #"{"input_tokens":18,"output_tokens":8,"cache_creation_input_tokens":0,"cache_read_input_tokens":1792}"#,
            1810
        ),
        // Anthropic: the first usage has the counts of cached tokens. The last one repeats all counts, some or none.
        (TokenCountsTests.first, #"{"output_tokens":8}"#, 730),
        (TokenCountsTests.first, #"{"input_tokens":90,"output_tokens":8}"#, 730),
        (TokenCountsTests.first, #"{"input_tokens":0,"output_tokens":8}"#, 730),
        (TokenCountsTests.first, #"{"input_tokens":730,"output_tokens":8}"#, 730),
        (TokenCountsTests.first, #"{"input_tokens":90,"cache_read_input_tokens":640,"output_tokens":8}"#, 730),
        (#"{"input_tokens":0,"output_tokens":0}"#, #"{"input_tokens":12,"output_tokens":8}"#, 12),
    ]) func aMessageTellsItsPromptTwice(first: String, last: String, prompt: Int) {
        var meter = Meter(dialect: .messages)
        let begin = #"{"type":"message_start","message":{"usage":\#(first)}}"#
        let end = #"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":\#(last)}"#
        for json in [begin, end] { _ = meter.read(Array("data: \(json)\n\n".utf8).span, at: 1, scanner: scanner) }
        #expect(meter.promptTokens == prompt && meter.completionTokens == 8)
    }

    private static let first =
        #"{"input_tokens":90,"cache_read_input_tokens":600,"cache_creation_input_tokens":40,"output_tokens":1}"#
}
