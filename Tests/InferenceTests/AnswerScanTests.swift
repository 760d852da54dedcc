// Tests which JSON documents count as a response of an engine, and in which dialect.

import Inference
import Testing

@Suite struct AnswerScanTests {
    private let scanner = JSONScanner()

    private func answer(_ json: String) -> AnswerScan { scanner.scanAnswer(Array(json.utf8).span) }

    @Test func anAnswerIsKnownByItsMembers() {
        func dialects(_ json: String) -> [Dialect] {
            [.openAIChat, .completions, .embeddings, .messages, .responses].filter { answer(json).isAnswer(in: $0) }
        }
        for nothing in [
            "{}", "null", "[]", #""Internal error""#, #"{"id":"","choices":null}"#, #"{"a":1}"#, "<html>", "1",
        ] {
            #expect(dialects(nothing).isEmpty, "\(nothing)")
        }
        #expect(
            dialects(#"{"choices":[{"index":0,"message":{"content":"a"},"finish_reason":"stop"}]}"#) == [
                .openAIChat, .completions,
            ]
        )
        #expect(dialects(#"{"data":[]}"#) == [.embeddings] && dialects(#"{"embeddings":[[1]]}"#) == [.embeddings])
        #expect(dialects(#"{"content":[]}"#) == [.messages] && dialects(#"{"type":"message"}"#) == [.messages])
        #expect(dialects(#"{"output":[]}"#) == [.responses] && dialects(#"{"status":"completed"}"#) == [.responses])
        #expect(answer("[]").isAnswer(in: .rerank) && answer("1").isAnswer(in: .tokenize))
    }
}
