// Responses of OpenAI's responses API, as vLLM writes them.
internal import Inference

/// Writes the responses and stream events of the responses API.
struct ResponsesForm: AnswerForm {
    private let facts: AnswerFacts
    /// The id of the response's only output item.
    private let item: String

    init(_ facts: AnswerFacts) {
        self.facts = facts
        item = "msg" + facts.id.drop { $0 != "_" }
    }

    func opening() -> [[UInt8]] {
        var events = ["response.created", "response.in_progress"].enumerated().map { number, type in
            Events.typed(type) {
                $0.field("sequence_number", number)
                $0.key("response")
                writeResponse("in_progress", texts: nil, tokens: 0, to: &$0)
            }
        }
        events.append(
            Events.typed("response.output_item.added") {
                $0.field("sequence_number", 2)
                $0.field("output_index", 0)
                $0.key("item")
                writeItem("in_progress", text: nil, to: &$0)
            }
        )
        events.append(
            Events.typed("response.content_part.added") {
                $0.field("sequence_number", 3)
                writePosition(to: &$0)
                $0.key("part")
                writePart("", to: &$0)
            }
        )
        return events
    }

    func token(choice: Int) -> EventTemplate {
        let type = "response.output_text.delta"
        let position = #","item_id":"\#(item)","output_index":0,"content_index":0,"logprobs":[],"delta":""#
        return EventTemplate(
            beforeTime: Array((#"event: \#(type)"# + "\n" + #"data: {"type":"\#(type)","emitted_ns":"#).utf8),
            beforeNumber: Array(#","sequence_number":"#.utf8),
            beforeText: Array(position.utf8),
            afterText: Array((#""}"# + "\n\n").utf8)
        )
    }

    func closing(texts: [String], tokens: Int, number: Int) -> [[UInt8]] {
        let text = texts.first ?? ""
        let done = Events.typed("response.output_text.done") {
            $0.field("sequence_number", number)
            writePosition(to: &$0)
            $0.field("text", text)
            $0.array("logprobs") { _ in }
        }
        let part = Events.typed("response.content_part.done") {
            $0.field("sequence_number", number + 1)
            writePosition(to: &$0)
            $0.key("part")
            writePart(text, to: &$0)
        }
        let item = Events.typed("response.output_item.done") {
            $0.field("sequence_number", number + 2)
            $0.field("output_index", 0)
            $0.key("item")
            writeItem("completed", text: text, to: &$0)
        }
        // vLLM names the event `response.completed` even if the token limit has ended the response. The `status` in the
        // event is then `incomplete`.
        let end = Events.typed("response.completed") {
            $0.field("sequence_number", number + 3)
            $0.key("response")
            writeResponse(status, texts: texts, tokens: tokens, to: &$0)
        }
        return [done, part, item, end]
    }

    func failure(_ fault: StreamFault, number: Int) -> [[UInt8]] {
        let failure = Events.typed("error") {
            $0.field("code", fault.type)
            $0.field("message", fault.message)
            $0.null("param")
            $0.field("sequence_number", number)
        }
        return [failure]
    }

    func whole(texts: [String], tokens: Int) -> [UInt8] {
        var writer = JSONWriter()
        writeResponse(status, texts: texts, tokens: tokens, to: &writer)
        return writer.bytes
    }

    private var status: String { facts.endsByLength ? "incomplete" : "completed" }

    private func writeResponse(_ status: String, texts: [String]?, tokens: Int, to writer: inout JSONWriter) {
        writer.object {
            $0.field("id", facts.id)
            $0.field("object", "response")
            $0.field("created_at", facts.created)
            $0.field("status", status)
            $0.null("error")
            if status == "incomplete" {
                $0.object("incomplete_details") { $0.field("reason", "max_output_tokens") }
            } else {
                $0.null("incomplete_details")
            }
            $0.null("instructions")
            $0.object("metadata") { _ in }
            $0.field("model", facts.model)
            $0.array("output") {
                if let texts { writeItem("completed", text: texts.first ?? "", to: &$0) }
            }
            $0.field("parallel_tool_calls", true)
            $0.field("tool_choice", "auto")
            $0.array("tools") { _ in }
            guard texts != nil else {
                $0.null("usage")
                return
            }
            writeUsage(tokens: tokens, to: &$0)
        }
    }

    private func writeUsage(tokens: Int, to writer: inout JSONWriter) {
        writer.object("usage") {
            $0.field("input_tokens", facts.promptTokens)
            $0.object("input_tokens_details") { $0.field("cached_tokens", facts.cachedTokens ?? 0) }
            $0.field("output_tokens", tokens)
            $0.object("output_tokens_details") { $0.field("reasoning_tokens", 0) }
            $0.field("total_tokens", facts.promptTokens + tokens)
        }
    }

    private func writeItem(_ status: String, text: String?, to writer: inout JSONWriter) {
        writer.object {
            $0.field("id", item)
            $0.field("type", "message")
            $0.field("status", status)
            $0.field("role", "assistant")
            $0.array("content") {
                if let text { writePart(text, to: &$0) }
            }
        }
    }

    private func writePart(_ text: String, to writer: inout JSONWriter) {
        writer.object {
            $0.field("type", "output_text")
            $0.field("text", text)
            $0.array("annotations") { _ in }
            $0.array("logprobs") { _ in }
        }
    }

    /// Writes the members that identify the only content part of the response.
    private func writePosition(to writer: inout JSONWriter) {
        writer.field("item_id", item)
        writer.field("output_index", 0)
        writer.field("content_index", 0)
    }
}
