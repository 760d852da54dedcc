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

    func reasoning(choice: Int) -> EventTemplate? {
        facts.reasoningField.map { chunks.token(choice, before: #""delta":{"\#($0)":""#, after: #""}"#) }
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
                let (reasoning, content) = parts(of: text)
                if let field = facts.reasoningField {
                    $0.key(named: field)
                    $0.value(reasoning)
                }
                $0.field("content", content)
                $0.null("refusal")
            }
        }
    }

    /// Splits the text into reasoning and content: the first half of the words is the reasoning.
    ///
    /// If the simulator is not set to send reasoning, the whole text is the content.
    private func parts(of text: String) -> (reasoning: String, content: String) {
        guard facts.reasoningField != nil else { return ("", text) }
        let spaces = text.indices.filter { text[$0] == " " }
        let middle = spaces.isEmpty ? text.startIndex : spaces[spaces.count / 2]
        return (String(text[..<middle]), String(text[middle...]))
    }
}
