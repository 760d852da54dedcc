// The endpoints that the simulated model serves.

/// An endpoint that the simulated model serves; the raw value is its path.
enum ModelEndpoint: String {
    case chat = "/v1/chat/completions"
    case completions = "/v1/completions"
    case responses = "/v1/responses"
    case messages = "/v1/messages"
    case embeddings = "/v1/embeddings"
    case rerank = "/v1/rerank"
    case countTokens = "/v1/messages/count_tokens"

    /// Whether the response is generated text.
    var makesText: Bool {
        switch self {
        case .chat, .completions, .responses, .messages: true
        case .embeddings, .rerank, .countTokens: false
        }
    }
    /// The names of the dialects, as in the configuration of the edge.
    static let dialects = ["chat", "completions", "embeddings", "responses", "messages", "rerank"]

    /// The dialect to which the endpoint belongs, one of `dialects`.
    var dialect: String {
        switch self {
        case .chat: "chat"
        case .completions: "completions"
        case .responses: "responses"
        case .messages, .countTokens: "messages"
        case .embeddings: "embeddings"
        case .rerank: "rerank"
        }
    }

    /// Whether errors have the format of Anthropic's API.
    var isAnthropic: Bool { self == .messages || self == .countTokens }
}
