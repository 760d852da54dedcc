// The content of a response, independent of its dialect.
internal import Inference

/// The values that a response contains in every dialect.
struct AnswerFacts {
    var id: String
    /// When the response was created, in seconds since 1970.
    var created: Int
    var model: String
    /// How many choices the response has.
    var choices: Int
    /// Whether a streamed response reports its `usage`.
    var includesUsage: Bool
    var promptTokens: Int
    /// Whether the response ends because it reaches the token limit of the request.
    var endsByLength: Bool
    /// Whether the response ends as if the engine had aborted it: with the reason `abort`, or with a null stop reason.
    var isAborted = false
    /// Whether the response ends with a null finish or stop reason.
    var hasNoReason = false
    /// How many tokens of the prompt came from the prefix cache; nil if the simulator has no cache.
    var cachedTokens: Int?

    /// The member that carries the reasoning of a chat; nil if there is no reasoning.
    var reasoningField: String?
    /// Whether chat and completions report the number of cached tokens in llama.cpp's `timings` instead of in `usage`.
    var hasTimings = false

    /// The `finish_reason` of chat and completions; nil if the response has null.
    var finishReason: String? { hasNoReason ? nil : isAborted ? "abort" : endsByLength ? "length" : "stop" }
}

extension AnswerFacts {
    /// Writes the member `usage` in the format of OpenAI's API, and `timings` if there are any.
    func writeUsage(tokens: Int, to writer: inout JSONWriter) {
        writer.object("usage") {
            $0.field("prompt_tokens", promptTokens)
            $0.field("completion_tokens", tokens)
            $0.field("total_tokens", promptTokens + tokens)
            if let cachedTokens, !hasTimings {
                $0.object("prompt_tokens_details") { $0.field("cached_tokens", cachedTokens) }
            }
        }
        guard hasTimings, let cachedTokens else { return }
        writer.object("timings") {
            $0.field("cache_n", cachedTokens)
            $0.field("prompt_n", promptTokens - cachedTokens)
            $0.field("predicted_n", tokens)
        }
    }

    /// An error document in the format of OpenAI's API.
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
