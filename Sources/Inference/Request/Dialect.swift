// The dialect of a request: which client API it speaks, and at which paths that is.
internal import Transport

/// A client API, as far as its bodies, streams and errors differ.
package enum Dialect: UInt8, CaseIterable, Sendable {
    case openAIChat, completions, embeddings, responses, messages, countTokens, rerank, other
    /// Tokens are counted, made or read again, and none is generated.
    case tokenize

    /// Every path that goes to an executor, whatever the model, and what is spoken there.
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

    /// The dialect of a POST to this path; nil for a path that is not in the list.
    init?(path: ArraySlice<UInt8>) {
        for (known, dialect) in Self.paths where path.span.equals(known) {
            self = dialect
            return
        }
        return nil
    }

    /// The word for it in logs and metrics.
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

    /// Streams of choices that end in `[DONE]`, with `stream_options`.
    package var streamsChoices: Bool { self == .openAIChat || self == .completions }
    /// Errors in Anthropic's shape.
    package var isAnthropic: Bool { self == .messages || self == .countTokens }
    /// Nothing is generated, so nothing is used of a rate of tokens.
    package var onlyCounts: Bool { self == .countTokens || self == .tokenize }
}

/// Whether a content-type is multipart, which answers 415.
///
/// Not generic: other modules would call it unspecialized, with every request.
package func isMultipart(_ contentType: ArraySlice<UInt8>) -> Bool {
    let word: StaticString = "multipart/"
    let type = contentType.drop { $0 == 0x20 || $0 == 0x09 }
    guard type.count >= word.utf8CodeUnitCount else { return false }
    return (0..<word.utf8CodeUnitCount).allSatisfy { index in
        unsafe type[type.startIndex + index].lowercased == word.utf8Start[index]
    }
}
