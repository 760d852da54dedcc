// Responses of OpenAI's completions API, as vLLM writes them.
internal import Inference

/// Writes JSON objects of the type `text_completion`: one for a response that is not streamed, or the chunks of a
/// stream.
struct CompletionsForm: AnswerForm {
    private let facts: AnswerFacts
    private let chunks: CompletionChunks

    init(_ facts: AnswerFacts) {
        self.facts = facts
        chunks = CompletionChunks(facts, object: "text_completion")
    }

    func opening() -> [[UInt8]] { [] }
    func token(choice: Int) -> EventTemplate { chunks.token(choice, before: #""text":""#, after: #"""#) }

    func closing(texts: [String], tokens: Int, number: Int) -> [[UInt8]] {
        (0..<facts.choices).map { chunks.choice($0, #""text":"""#, isLast: true) } + chunks.ending(tokens: tokens)
    }

    func failure(_ fault: StreamFault, number: Int) -> [[UInt8]] {
        [Events.data(AnswerFacts.error(fault)), Events.done]
    }

    func whole(texts: [String], tokens: Int) -> [UInt8] {
        chunks.whole("text_completion", texts: texts, tokens: tokens) { writer, text in writer.field("text", text) }
    }
}
