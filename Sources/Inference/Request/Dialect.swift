// The dialect of a request: which client API it speaks.

/// A client API, as far as its bodies, streams and errors differ.
package enum Dialect: UInt8, CaseIterable, Sendable {
    case openAIChat, completions, embeddings, responses, messages, countTokens, rerank, other

    /// The dialect of a POST to this path (without its query); nil outside `/v1/`.
    package init?(path: [UInt8]) {
        let prefix = "/v1/".utf8
        guard path.count > prefix.count, path.starts(with: prefix) else { return nil }
        switch String(decoding: path[prefix.count...], as: UTF8.self) {
        case "chat/completions": self = .openAIChat
        case "completions": self = .completions
        case "embeddings": self = .embeddings
        case "responses": self = .responses
        case "messages": self = .messages
        case "messages/count_tokens": self = .countTokens
        case "rerank", "reranking": self = .rerank
        default: self = .other
        }
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
        }
    }

    /// Streams of choices that end in `[DONE]`, with `stream_options`.
    package var streamsChoices: Bool { self == .openAIChat || self == .completions }
    /// Errors in Anthropic's shape.
    package var isAnthropic: Bool { self == .messages || self == .countTokens }
}

/// Whether a content-type is multipart, which answers 415.
///
/// Not generic: other modules would call it unspecialized, with every request.
package func isMultipart(_ contentType: ArraySlice<UInt8>) -> Bool {
    let word: StaticString = "multipart/"
    let type = contentType.drop { $0 == 0x20 || $0 == 0x09 }
    guard type.count >= word.utf8CodeUnitCount else { return false }
    return (0..<word.utf8CodeUnitCount).allSatisfy { index in
        let byte = type[type.startIndex + index]
        return unsafe (byte &- 65 < 26 ? byte | 0x20 : byte) == word.utf8Start[index]
    }
}
