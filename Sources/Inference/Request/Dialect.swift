// The dialects: the APIs that clients speak, and the request paths of each of them.
internal import Transport

/// An API that clients speak, such as OpenAI's chat completions.
///
/// Dialects differ in their request bodies, streams and errors.
package enum Dialect: UInt8, CaseIterable, Sendable {
    /// OpenAI's chat completions.
    case openAIChat
    /// OpenAI's older API that completes a prompt.
    case completions
    /// The embeddings of OpenAI's and Cohere's APIs.
    case embeddings
    /// OpenAI's responses API.
    case responses
    /// Anthropic's messages API.
    case messages
    /// Anthropic's API that counts the tokens of a prompt.
    case countTokens
    /// Reranking of documents. The format of its requests and responses is that of the engine.
    case rerank
    /// Any other API, such as scoring or speech. The edge reads only the members `model` and `stream` of its requests.
    case other
    /// An API that tokenizes, detokenizes or counts the tokens of a text, and generates nothing.
    case tokenize

    /// The paths of the POST requests that the edge passes to executors, each path with its dialect.
    ///
    /// The list is the same for all models. The key `passthrough` of a model adds other paths for this model only.
    package static let paths: [(path: StaticString, dialect: Dialect)] = [
        ("/v1/chat/completions", .openAIChat), ("/v1/completions", .completions), ("/v1/embeddings", .embeddings),
        ("/v1/responses", .responses), ("/v1/messages", .messages), ("/v1/messages/count_tokens", .countTokens),
        ("/v1/responses/compact", .other), ("/v1/responses/input_tokens", .tokenize),
        ("/v1/rerank", .rerank), ("/v1/reranking", .rerank), ("/rerank", .rerank), ("/v2/rerank", .rerank),
        ("/v1/score", .other), ("/score", .other), ("/v1/classify", .other), ("/classify", .other),
        ("/v1/pooling", .other), ("/pooling", .other), ("/v2/embed", .embeddings), ("/v1/moderations", .other),
        ("/v1/images/generations", .other), ("/v1/audio/speech", .other),
        ("/tokenize", .tokenize), ("/detokenize", .tokenize),
    ]

    /// The dialect of a POST request to this path; nil if the path is not in `paths`.
    package init?(path: ArraySlice<UInt8>) {
        guard let index = Self.index(of: path) else { return nil }
        self = Self.paths[index].dialect
    }

    /// The index of this path in `paths`; nil if the path is not there.
    static func index(of path: ArraySlice<UInt8>) -> Int? { paths.firstIndex { path.span.equals($0.path) } }

    /// The name of the dialect in log lines and metric labels.
    package var label: String {
        switch self {
        case .openAIChat: "chat"
        case .completions: "completions"
        case .embeddings: "embeddings"
        case .responses: "responses"
        case .messages: "messages"
        case .countTokens: "count_tokens"
        case .rerank: "rerank"
        case .other: "other"
        case .tokenize: "tokenize"
        }
    }

    /// Whether streams have the format of OpenAI's chat completions or completions.
    ///
    /// Such streams have `choices`, end with `[DONE]`, and have a `usage` object only if `stream_options` asks for it.
    package var streamsChoices: Bool { self == .openAIChat || self == .completions }
    /// Whether errors have the JSON format of Anthropic's API.
    package var isAnthropic: Bool { self == .messages || self == .countTokens }
    /// Whether requests only count or convert tokens.
    ///
    /// Such requests do not count against the token rate limit of an API key.
    package var onlyCounts: Bool { self == .countTokens || self == .tokenize }

    /// Whether the edge adds the member `priority` to requests, for executors that are configured to get it.
    ///
    /// In each other dialect, an engine that knows priorities might refuse a request because of this member.
    package var takesPriority: Bool { generates || self == .embeddings || self == .rerank }

    /// Whether the edge may send SSE comments to the client before a stream's first event, to keep the connection
    /// alive.
    package var hasComments: Bool {
        switch self {
        case .openAIChat, .completions, .responses, .messages: true
        case .embeddings, .countTokens, .tokenize, .rerank, .other: false
        }
    }

    /// Whether responses are text that a model has generated.
    package var generates: Bool {
        switch self {
        case .openAIChat, .completions, .responses, .messages: true
        case .embeddings, .countTokens, .tokenize, .rerank, .other: false
        }
    }
}

/// Whether a content type is multipart; the edge refuses multipart bodies with status 415.
///
/// The parameter has a concrete type, because other modules call the function for each request. Swift does not
/// specialize a generic function for callers in other modules, so it would be slower.
package func isMultipart(_ contentType: ArraySlice<UInt8>) -> Bool {
    let word: StaticString = "multipart/"
    let type = contentType.drop { $0 == 0x20 || $0 == 0x09 }
    guard type.count >= word.utf8CodeUnitCount else { return false }
    return (0..<word.utf8CodeUnitCount).allSatisfy { index in
        unsafe type[type.startIndex + index].lowercased == word.utf8Start[index]
    }
}
