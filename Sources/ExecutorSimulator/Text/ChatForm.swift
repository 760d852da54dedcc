// OpenAI's chat completions and completions, as vLLM writes them.
internal import Inference

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

/// What the two have in common: chunks with choices.
private struct CompletionChunks {
    private let facts: AnswerFacts
    /// A chunk up to its first field that differs.
    private let beginning: String
    private let end: String

    init(_ facts: AnswerFacts, object: String) {
        self.facts = facts
        let model = String(decoding: JSONText.quoted(facts.model), as: UTF8.self)
        beginning = #"data: {"id":"\#(facts.id)","object":"\#(object)","created":\#(facts.created),"model":\#(model),"#
        end = (facts.includesUsage ? #","usage":null}"# : "}") + "\n\n"
    }

    func choice(_ index: Int, _ content: String, isLast: Bool = false) -> [UInt8] {
        let reason = (isLast ? facts.finishReason : nil).map { "\"\($0)\"" } ?? "null"
        let choice = #"{"index":\#(index),\#(content),"logprobs":null,"finish_reason":\#(reason)}"#
        return Array((beginning + #""choices":[\#(choice)]"# + end).utf8)
    }

    func token(_ index: Int, before: String, after: String) -> EventTemplate {
        EventTemplate(
            beforeTime: Array((beginning + #""emitted_ns":"#).utf8),
            beforeText: Array(#","choices":[{"index":\#(index),\#(before)"#.utf8),
            afterText: Array((after + #","logprobs":null,"finish_reason":null}]"# + end).utf8)
        )
    }

    func ending(tokens: Int) -> [[UInt8]] {
        guard facts.includesUsage else { return [Events.done] }
        var writer = JSONWriter()
        facts.writeUsage(tokens: tokens, to: &writer)
        let usage = String(decoding: writer.bytes, as: UTF8.self)
        return [Array((beginning + #""choices":[],"# + usage + "}\n\n").utf8), Events.done]
    }

    func whole(
        _ object: String,
        texts: [String],
        tokens: Int,
        _ content: (inout JSONWriter, String) -> Void
    ) -> [UInt8] {
        JSONText.object { writer in
            writer.field("id", facts.id)
            writer.field("object", object)
            writer.field("created", facts.created)
            writer.field("model", facts.model)
            writer.array("choices") { choices in
                for (index, text) in texts.enumerated() {
                    choices.object {
                        $0.field("index", index)
                        content(&$0, text)
                        $0.null("logprobs")
                        if let reason = facts.finishReason {
                            $0.field("finish_reason", reason)
                        } else {
                            $0.null("finish_reason")
                        }
                    }
                }
            }
            facts.writeUsage(tokens: tokens, to: &writer)
        }
    }
}
