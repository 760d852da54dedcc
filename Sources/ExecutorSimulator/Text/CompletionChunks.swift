// Writes responses with `choices`, for OpenAI's chat completions and completions.
internal import Inference

/// Writes the parts that responses of chat completions and completions have in common.
struct CompletionChunks {
    private let facts: AnswerFacts
    /// The beginning of a chunk, up to the first member that differs between chunks.
    private let beginning: String
    /// The end of a chunk, including its blank line.
    private let end: String

    init(_ facts: AnswerFacts, object: String) {
        self.facts = facts
        let model = String(decoding: JSONText.quoted(facts.model), as: UTF8.self)
        beginning = #"data: {"id":"\#(facts.id)","object":"\#(object)","created":\#(facts.created),"model":\#(model),"#
        end = (facts.includesUsage ? #","usage":null}"# : "}") + "\n\n"
    }

    /// A chunk with one choice; `content` has the members of the choice that depend on the API.
    func choice(_ index: Int, _ content: String, isLast: Bool = false) -> [UInt8] {
        let reason = (isLast ? facts.finishReason : nil).map { "\"\($0)\"" } ?? "null"
        let choice = #"{"index":\#(index),\#(content),"logprobs":null,"finish_reason":\#(reason)}"#
        return Array((beginning + #""choices":[\#(choice)]"# + end).utf8)
    }

    /// The template for the token events of one choice; the text of a token stands between `before` and `after`.
    func token(_ index: Int, before: String, after: String) -> EventTemplate {
        EventTemplate(
            beforeTime: Array((beginning + #""emitted_ns":"#).utf8),
            beforeText: Array(#","choices":[{"index":\#(index),\#(before)"#.utf8),
            afterText: Array((after + #","logprobs":null,"finish_reason":null}]"# + end).utf8)
        )
    }

    /// The chunk with the usage, if the request asked for it, and `[DONE]`.
    func ending(tokens: Int) -> [[UInt8]] {
        guard facts.includesUsage else { return [Events.done] }
        var writer = JSONWriter()
        facts.writeUsage(tokens: tokens, to: &writer)
        let usage = String(decoding: writer.bytes, as: UTF8.self)
        return [Array((beginning + #""choices":[],"# + usage + "}\n\n").utf8), Events.done]
    }

    /// The body of a response that is not streamed, with all choices.
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
