// What a response says in any dialect.
internal import Inference

/// The values that the shape of each dialect writes.
struct AnswerFacts {
    var id: String
    /// Seconds since 1970.
    var created: Int
    var model: String
    /// The number of choices.
    var choices: Int
    /// Whether a stream reports its usage.
    var includesUsage: Bool
    var promptTokens: Int
    /// Whether the response ends because of the client's limit.
    var endsByLength: Bool
    /// Whether the response ends as that of an engine that was aborted.
    var isAborted = false
    /// Whether the response ends without a reason.
    var hasNoReason = false

    /// The `finish_reason` of chat and completions; nil for null.
    var finishReason: String? { hasNoReason ? nil : isAborted ? "abort" : endsByLength ? "length" : "stop" }
}

extension AnswerFacts {
    /// Writes `usage` in the shape of OpenAI's API.
    func writeUsage(tokens: Int, to writer: inout JSONWriter) {
        writer.object("usage") {
            $0.field("prompt_tokens", promptTokens)
            $0.field("completion_tokens", tokens)
            $0.field("total_tokens", promptTokens + tokens)
        }
    }

    /// An error document in the shape of OpenAI's API.
    static func error(_ fault: StreamFault) -> [UInt8] {
        JSONText.object {
            $0.object("error") {
                $0.field("message", fault.message)
                $0.field("type", fault.type)
                $0.null("param")
                $0.field("code", fault.status)
            }
        }
    }
}
