// Responses of Anthropic's messages API.
internal import Inference

/// Writes the responses and stream events of Anthropic's messages API.
struct MessagesForm: AnswerForm {
    private let facts: AnswerFacts
    init(_ facts: AnswerFacts) { self.facts = facts }

    func opening() -> [[UInt8]] {
        let start = Events.typed("message_start") {
            $0.object("message") {
                writeMessage(to: &$0)
                $0.array("content") { _ in }
                $0.null("stop_reason")
                $0.null("stop_sequence")
                writeUsage(tokens: 0, to: &$0)
            }
        }
        let block = Events.typed("content_block_start") {
            $0.field("index", 0)
            $0.object("content_block") {
                $0.field("type", "text")
                $0.field("text", "")
            }
        }
        return [start, block]
    }

    func token(choice: Int) -> EventTemplate {
        let beginning = "event: content_block_delta\n" + #"data: {"type":"content_block_delta","index":0,"emitted_ns":"#
        return EventTemplate(
            beforeTime: Array(beginning.utf8),
            beforeText: Array(#","delta":{"type":"text_delta","text":""#.utf8),
            afterText: Array((#""}}"# + "\n\n").utf8)
        )
    }

    func closing(texts: [String], tokens: Int, number: Int) -> [[UInt8]] {
        let delta = Events.typed("message_delta") {
            $0.object("delta") {
                writeStopReason(to: &$0)
                $0.null("stop_sequence")
            }
            if facts.cachedTokens != nil {
                writeUsage(tokens: tokens, to: &$0)
            } else {
                $0.object("usage") { $0.field("output_tokens", tokens) }
            }
        }
        return [
            Events.typed("content_block_stop") { $0.field("index", 0) }, delta, Events.typed("message_stop") { _ in },
        ]
    }

    func failure(_ fault: StreamFault, number: Int) -> [[UInt8]] {
        let failure = Events.typed("error") {
            $0.object("error") {
                let other = fault.status == 400 ? fault.type : "api_error"
                $0.field("type", fault.status == 503 ? "overloaded_error" : other)
                $0.field("message", fault.message)
            }
        }
        return [failure]
    }

    func whole(texts: [String], tokens: Int) -> [UInt8] {
        JSONText.object {
            writeMessage(to: &$0)
            $0.array("content") {
                $0.object {
                    $0.field("type", "text")
                    $0.field("text", texts.first ?? "")
                }
            }
            writeStopReason(to: &$0)
            $0.null("stop_sequence")
            writeUsage(tokens: tokens, to: &$0)
        }
    }

    private func writeStopReason(to writer: inout JSONWriter) {
        if facts.isAborted || facts.hasNoReason {
            writer.null("stop_reason")
        } else {
            writer.field("stop_reason", facts.endsByLength ? "max_tokens" : "end_turn")
        }
    }

    /// Writes the members that a whole message and the event `message_start` have in common.
    private func writeMessage(to writer: inout JSONWriter) {
        writer.field("id", facts.id)
        writer.field("type", "message")
        writer.field("role", "assistant")
        writer.field("model", facts.model)
    }

    /// Writes the member `usage`.
    ///
    /// By Anthropic's definition `input_tokens` does not include the tokens that came from a cache.
    private func writeUsage(tokens: Int, to writer: inout JSONWriter) {
        writer.object("usage") {
            $0.field("input_tokens", facts.promptTokens - (facts.cachedTokens ?? 0))
            if let cached = facts.cachedTokens {
                $0.field("cache_creation_input_tokens", 0)
                $0.field("cache_read_input_tokens", cached)
            }
            $0.field("output_tokens", tokens)
        }
    }
}
