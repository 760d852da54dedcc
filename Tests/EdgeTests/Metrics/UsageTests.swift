import Inference
import Testing

@testable import Edge

/// Tests how the edge computes the tokens of an exchange from the usage that the executor reports.
@Suite struct UsageTests {
    private func meter(_ dialect: Dialect, _ events: [String]) -> Meter {
        var meter = Meter(dialect: dialect)
        let scanner = JSONScanner()
        for (index, event) in events.enumerated() {
            let bytes = Array((event + "\n\n").utf8)
            _ = meter.read(bytes.span, at: UInt64(index + 1) * 1_000_000, scanner: scanner)
        }
        return meter
    }

    private let token = #"data: {"choices":[{"index":0,"delta":{"content":"x"}}]}"#
    private let said = #"data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}}"#

    @Test func aWholeStreamHasItsExecutorsCount() {
        let usage = Usage(meter(.openAIChat, [token, token, said, "data: [DONE]"]), isWhole: true, requestBytes: 400)
        #expect((usage.input, usage.output) == (7, 5))
        #expect(!usage.isInputEstimated && !usage.isOutputEstimated)
    }

    @Test func withoutACountEventsAreCounted() {
        let usage = Usage(meter(.openAIChat, [token, token, "data: [DONE]"]), isWhole: true, requestBytes: 400)
        #expect((usage.input, usage.output) == (100, 2))
        #expect(usage.isInputEstimated && usage.isOutputEstimated)
    }

    /// In Anthropic's API the first event always reports one output token.
    ///
    /// If the stream breaks off, the edge does not use this number, but estimates.
    @Test func aBrokenStreamIsAnEstimateOfAtLeastItsEvents() {
        let start =
            #"event: message_start"# + "\n"
            + #"data: {"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}"#
        let text =
            #"event: content_block_delta"# + "\n"
            + #"data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"x"}}"#
        let usage = Usage(meter(.messages, [start, text, text, text]), isWhole: false, requestBytes: 400)
        #expect(usage.output == 3)
        #expect(usage.isOutputEstimated)
        #expect(usage.input == 9)
        #expect(!usage.isInputEstimated)
    }

    /// If the only usage arrived before the text, it cannot count the text.
    ///
    /// So the edge estimates the output tokens.
    @Test func aCountBeforeTheTextIsAnEstimate() {
        let text = #"data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"x"}}"#
        let start = #"data: {"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}"#
        for usage in ["", #","usage":null"#] {
            let end = #"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}\#(usage)}"#
            let events = [start] + Array(repeating: text, count: 20) + [end, #"data: {"type":"message_stop"}"#]
            let found = Usage(meter(.messages, events), isWhole: true, requestBytes: 400)
            #expect(found.output == 20 && found.isOutputEstimated && found.input == 9 && !found.isInputEstimated)
        }
        let first =
            #"data: {"choices":[{"index":0,"delta":{"role":"assistant"}}],"usage":{"prompt_tokens":5,"completion_tokens":0}}"#
        let chat = Usage(
            meter(.openAIChat, [first] + Array(repeating: token, count: 10)),
            isWhole: true,
            requestBytes: 400
        )
        #expect(chat.output == 10 && chat.isOutputEstimated && chat.input == 5)
        // Each chunk has a usage that counts all tokens so far.
        let counting = (1...3).map {
            #"data: {"choices":[{"index":0,"delta":{"content":"x"}}],"usage":{"prompt_tokens":5,"completion_tokens":\#($0 * 2)}}"#
        }
        let counted = Usage(meter(.openAIChat, counting), isWhole: true, requestBytes: 400)
        #expect(counted.output == 6 && !counted.isOutputEstimated)
        #expect(Usage(meter(.openAIChat, counting + [token]), isWhole: true, requestBytes: 400).isOutputEstimated)
    }

    @Test func documents() {
        var scan = AnswerScan()
        let guess = Usage(scan, dialect: .openAIChat, answerBytes: 80, requestBytes: 40)
        #expect((guess.input, guess.output) == (10, 20))
        #expect(guess.isInputEstimated && guess.isOutputEstimated)
        scan.hasUsage = true
        scan.tokens.input = TokenCount(3)
        let embedding = Usage(scan, dialect: .embeddings, answerBytes: 80_000, requestBytes: 40)
        #expect((embedding.input, embedding.output) == (3, 0))
        #expect(!embedding.isInputEstimated && !embedding.isOutputEstimated)
        let half = Usage(scan, dialect: .openAIChat, answerBytes: 80, requestBytes: 40)
        #expect((half.input, half.output) == (3, 20))
        #expect(!half.isInputEstimated && half.isOutputEstimated)
        scan.tokens.output = TokenCount(4)
        #expect(Usage(scan, dialect: .openAIChat, answerBytes: 80, requestBytes: 40).output == 4)
        #expect((Usage.none.input, Usage.none.output) == (0, 0))
        #expect(Usage.none.isOutputEstimated)
    }

    @Test func theMeterKnowsItsLastToken() {
        let plain = #"data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}"#
        let meter = meter(.openAIChat, [token, plain, plain, token])
        #expect(meter.tokens == 2)
        #expect(meter.lastToken - meter.firstToken == 3_000_000)
    }
}
