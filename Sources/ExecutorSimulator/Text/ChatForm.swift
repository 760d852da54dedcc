// Responses of OpenAI's chat completions API, as vLLM writes them.
internal import Inference

/// Writes `chat.completion` documents and chunks.
struct ChatForm: AnswerForm {
    private let facts: AnswerFacts
    private let chunks: CompletionChunks

    init(_ facts: AnswerFacts) {
        self.facts = facts
        chunks = CompletionChunks(facts, object: "chat.completion.chunk")
    }

    func opening() -> [[UInt8]] {
        (0..<facts.choices).map { chunks.choice($0, #""delta":{"role":"assistant","content":""}"#) }
    }

    func token(choice: Int) -> EventTemplate {
        chunks.token(choice, before: #""delta":{"content":""#, after: #""}"#)
    }

    func closing(texts: [String], tokens: Int, number: Int) -> [[UInt8]] {
        let ends = (0..<facts.choices).map { chunks.choice($0, #""delta":{}"#, isLast: true) }
        return ends + chunks.ending(tokens: tokens)
    }

    func failure(_ fault: StreamFault, number: Int) -> [[UInt8]] {
        [Events.data(AnswerFacts.error(fault)), Events.done]
    }

    func whole(texts: [String], tokens: Int) -> [UInt8] {
        chunks.whole("chat.completion", texts: texts, tokens: tokens) { writer, text in
            writer.object("message") {
                $0.field("role", "assistant")
                $0.field("content", text)
                $0.null("refusal")
            }
        }
    }
}
