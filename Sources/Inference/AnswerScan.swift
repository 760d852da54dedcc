// The result of a scan of an event or of a JSON response.

/// What a scan of an event or of a JSON response has found.
///
/// Members other than `error` describe a valid payload only; `isValid` says whether it is one.
package struct AnswerScan: Equatable, Sendable {
    /// Whether the event has a payload; true for a response that is not empty.
    package var hasData = false
    /// Whether the payload is empty or only space.
    package var isBlank = false
    /// Whether the payload is exactly one JSON document, as lenient readers accept it.
    package var isValid = false
    /// Whether the payload begins with `[DONE]`.
    package var isDone = false
    /// Whether the event has an `id` or `retry` line, which readers of events remember.
    package var hasOtherFields = false
    /// Whether there is a list of choices.
    package var hasChoices = false
    /// Whether the list of choices is empty.
    package var hasEmptyChoices = false
    /// Whether there is output of the model: text, reasoning or a tool call.
    package var hasText = false
    /// Bit i is set if choice i, up to 63, has a `finish_reason` that is not empty.
    package var finished: UInt64 = 0
    /// Bit i is set if choice i, up to 63, has a `finish_reason` that is null or empty.
    package var unfinished: UInt64 = 0
    /// The first 32 bytes of the first finish or stop reason that is not empty.
    package var finishReason: String?
    /// Whether a reason means that the engine broke the attempt off, such as `abort` or `error`.
    package var isBroken = false
    /// Whether a message has a `stop_reason` that is null or empty.
    package var hasNoStopReason = false
    /// Whether there is a usage.
    package var hasUsage = false
    /// The counts of the usage.
    package var tokens = TokenCounts()
    /// Whether there is a member by which a response of embeddings is recognized.
    package var hasEmbeddings = false
    /// Whether there is a member by which a response of Anthropic's messages API is recognized.
    package var hasMessage = false
    /// Whether there is a member by which a response of OpenAI's responses API is recognized.
    package var hasResponse = false
    /// The top-level `type`, or else the name in the `event:` line.
    package var type = ""
    /// The error that the payload reports.
    package var error: EngineError?
    /// Whether the error stands in a line that readers of events skip.
    package var isErrorBare = false

    /// Makes the result of a scan that has found nothing.
    package init() {}

    /// Whether a JSON response is that of an attempt that broke off: it has a reason such as `abort`, or no reason.
    ///
    /// A completion without a member for the reason is complete, since small engines leave it out. A message without
    /// one is not: Anthropic's API always has it in a complete response, and vLLM leaves it out when it has aborted.
    package func isBroken(in dialect: Dialect) -> Bool {
        if isBroken { return true }
        return switch dialect {
        case .openAIChat, .completions: unfinished & ~finished != 0
        case .messages: type == "message" && finishReason == nil
        case .responses, .embeddings, .countTokens, .tokenize, .rerank, .other: false
        }
    }

    /// Whether a document is a response of the dialect, which is recognized by a member that every response of it has.
    ///
    /// A dialect without such a member takes every document for a response.
    package func isAnswer(in dialect: Dialect) -> Bool {
        switch dialect {
        case .openAIChat, .completions: hasChoices
        case .embeddings: hasEmbeddings
        case .messages: hasMessage
        case .responses: hasResponse
        case .countTokens, .tokenize, .rerank, .other: true
        }
    }

    /// Whether an event contains nothing that a client of the dialect uses, so that it does not count as the first
    /// event.
    func saysNothing(in dialect: Dialect) -> Bool {
        switch dialect {
        case .openAIChat, .completions: !hasUsage && (!hasChoices || hasEmptyChoices)
        case .messages: type.isEmpty || type == "ping"
        case .responses: type.isEmpty
        case .embeddings, .countTokens, .tokenize, .rerank, .other: isBlank
        }
    }
}
