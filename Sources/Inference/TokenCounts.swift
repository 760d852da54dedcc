// The counts of tokens that an executor gives in a usage, in the shapes of all dialects.

/// A count of tokens or none, in four bytes: every stream keeps some.
package struct TokenCount: Equatable, Sendable {
    private var stored: Int32 = -1

    package init() {}

    /// What cannot be a count, negative or above 2^31 - 1, is none.
    package init(_ number: Int) {
        if number >= 0 { stored = Int32(exactly: number) ?? -1 }
    }

    package var value: Int? { stored < 0 ? nil : Int(stored) }

    /// Takes a later count; none leaves the earlier one.
    mutating func take(_ later: TokenCount) {
        if later.stored >= 0 { self = later }
    }
}

package struct TokenCounts: Equatable, Sendable {
    /// `prompt_tokens` or `input_tokens`.
    package var input = TokenCount()
    /// `completion_tokens` or `output_tokens`.
    package var output = TokenCount()
    package var total = TokenCount()
    /// Anthropic's `cache_read_input_tokens` and `cache_creation_input_tokens`, which `input` does not contain there.
    package var cacheRead = TokenCount()
    package var cacheCreation = TokenCount()
    /// OpenAI's `cached_tokens`, which `input` contains.
    package var cached = TokenCount()
    /// `reasoning_tokens`, which `output` contains.
    package var reasoning = TokenCount()

    package init() {}

    /// All tokens of the prompt, those from a cache included.
    package func prompt(in dialect: Dialect) -> Int? {
        switch dialect {
        case .messages:
            let parts = [input, cacheRead, cacheCreation].compactMap(\.value)
            return parts.isEmpty ? nil : parts.reduce(0, +)
        case .openAIChat, .completions, .responses: return input.value
        case .embeddings, .countTokens, .tokenize, .rerank, .other: return input.value ?? total.value
        }
    }

    /// Tokens of the prompt that came from a cache.
    package func cached(in dialect: Dialect) -> Int? {
        dialect == .messages ? cacheRead.value ?? cached.value : cached.value ?? cacheRead.value
    }

    /// Takes the counts of a later usage of the same stream.
    ///
    /// A usage of Anthropic's dialect that tells of caches tells all of the prompt. One that does not may repeat the
    /// first one's `input_tokens`, or count those of the caches among them, as the first usage of vLLM does.
    mutating func absorb(_ later: TokenCounts, in dialect: Dialect) {
        let tellsCaches = later.cacheRead.value != nil || later.cacheCreation.value != nil
        if dialect == .messages, let input = later.input.value {
            let known = prompt(in: dialect) ?? 0
            if tellsCaches || input > known || (input == known && input > 0) {
                (cacheRead, cacheCreation) = (TokenCount(), TokenCount())
            }
            if input > 0 || tellsCaches || known == 0 { self.input = later.input }
        } else {
            self.input.take(later.input)
        }
        output.take(later.output)
        total.take(later.total)
        cacheRead.take(later.cacheRead)
        cacheCreation.take(later.cacheCreation)
        cached.take(later.cached)
        reasoning.take(later.reasoning)
    }
}
