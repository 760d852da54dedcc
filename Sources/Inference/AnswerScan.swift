// The result of a scan of an event or of a JSON response.

/// What a scan of an event or of a JSON response has found.
///
/// The properties that describe the JSON document, except `error`, are set only if `isValid` is true.
package struct AnswerScan: Equatable, Sendable {
    /// Whether the event has a `data` field, or the JSON response is not empty.
    package var hasData = false
    /// Whether the event's data, or the JSON response, is empty or consists of white space only.
    package var isBlank = false
    /// Whether the event's data, or the JSON response, is exactly one JSON document, possibly after `cjson_repair` has
    /// repaired it.
    package var isValid = false
    /// Whether the event's data begins with `[DONE]`.
    package var isDone = false
    /// Whether the event has an `id` or `retry` field; clients remember these fields even if the event has no data.
    package var hasOtherFields = false
    /// Whether the document has a `choices` array.
    package var hasChoices = false
    /// Whether the `choices` array is empty.
    package var hasEmptyChoices = false
    /// Whether the document contains output of the model, such as text, reasoning or a tool call.
    package var hasText = false
    /// Bit i is set if choice i, up to 63, has a `finish_reason` that is not empty.
    package var finished: UInt64 = 0
    /// Bit i is set if choice i, up to 63, has a `finish_reason` that is null or empty.
    package var unfinished: UInt64 = 0
    /// The first 32 bytes of the first finish or stop reason that is not empty; nil if there is none.
    package var finishReason: String?
    /// Whether a finish or stop reason, such as `abort` or `error`, means that the engine has aborted the response.
    package var isBroken = false
    /// Whether the document has a `stop_reason` that is null or empty, as in the first event of an Anthropic message.
    package var hasNoStopReason = false
    /// Whether the document has a `usage` object.
    package var hasUsage = false
    /// The token counts of the `usage` object.
    ///
    /// If there is no such object, all counts are absent, except the count of cached tokens that llama.cpp reports
    /// elsewhere in the document.
    package var tokens = TokenCounts()
    /// Whether the document has a member `data`, `embeddings` or `embedding`, as a response with embeddings has.
    package var hasEmbeddings = false
    /// Whether the document has a member `type` or `content`, as a response of Anthropic's messages API has.
    package var hasMessage = false
    /// Whether the document has a member `object`, `status` or `output`, as a response of OpenAI's responses API has.
    package var hasResponse = false
    /// The id of a response of OpenAI's responses API; nil if the document has none.
    package var responseID: String?
    /// The top-level `type` of the document, or else the name in the `event:` line; empty if there is neither.
    package var type = ""
    /// The error that the event or the response reports; nil if there is none.
    package var error: EngineError?
    /// Whether the error is in a line of the event that is not a `data` line; clients ignore such lines.
    package var isErrorBare = false

    /// Makes the result of a scan that has found nothing.
    package init() {}

    /// Whether a JSON response shows that the engine has aborted it.
    ///
    /// A finish or stop reason such as `abort` shows an abort, and so does one that is null or empty. A completion
    /// without any `finish_reason` is complete, because small engines omit this member. A message without a
    /// `stop_reason` is not complete, because Anthropic's API always sets this member in a complete response, and vLLM
    /// omits it after an abort.
    package func isBroken(in dialect: Dialect) -> Bool {
        if isBroken { return true }
        return switch dialect {
        case .openAIChat, .completions: unfinished & ~finished != 0
        case .messages: type == "message" && finishReason == nil
        case .responses, .embeddings, .countTokens, .tokenize, .rerank, .other: false
        }
    }

    /// Whether the document is a response of the dialect, and not some other JSON.
    ///
    /// A response is recognized by a member that every response of its dialect has. If a dialect has no such member,
    /// every document counts as a response.
    package func isAnswer(in dialect: Dialect) -> Bool {
        switch dialect {
        case .openAIChat, .completions: hasChoices
        case .embeddings: hasEmbeddings
        case .messages: hasMessage
        case .responses: hasResponse
        case .countTokens, .tokenize, .rerank, .other: true
        }
    }

    /// Whether the event contains nothing that a client of the dialect uses.
    ///
    /// Such an event does not count as the first event of a stream.
    func saysNothing(in dialect: Dialect) -> Bool {
        switch dialect {
        case .openAIChat, .completions: !hasUsage && (!hasChoices || hasEmptyChoices)
        case .messages: type.isEmpty || type == "ping"
        case .responses: type.isEmpty
        case .embeddings, .countTokens, .tokenize, .rerank, .other: isBlank
        }
    }
}
