// The token counts that an executor reports in a usage, in the shapes of all dialects.

/// A count of tokens, or its absence, in four bytes, since every stream keeps seven counts.
package struct TokenCount: Equatable, Sendable {
    private var stored: Int32 = -1

    /// Makes an absent count.
    package init() {}

    /// Makes a count; a number that cannot be one, negative or above 2^31 - 1, makes an absent count.
    package init(_ number: Int) {
        if number >= 0 { stored = Int32(exactly: number) ?? -1 }
    }

    /// The count; nil if it is absent.
    package var value: Int? { stored < 0 ? nil : Int(stored) }

    /// Takes a later count, unless that is absent.
    mutating func take(_ later: TokenCount) {
        if later.stored >= 0 { self = later }
    }
}

/// The counts of a usage, or of several usages of one stream.
package struct TokenCounts: Equatable, Sendable {
    /// The `prompt_tokens` or `input_tokens`.
    package var input = TokenCount()
    /// The `completion_tokens` or `output_tokens`.
    package var output = TokenCount()
    /// The `total_tokens`.
    package var total = TokenCount()
    /// Anthropic's `cache_read_input_tokens`, which are not part of `input`.
    package var cacheRead = TokenCount()
    /// Anthropic's `cache_creation_input_tokens`, which are not part of `input`.
    package var cacheCreation = TokenCount()
    /// OpenAI's `cached_tokens`, which are part of `input`.
    package var cached = TokenCount()
    /// The `reasoning_tokens`, which are part of `output`.
    package var reasoning = TokenCount()

    /// Makes absent counts.
    package init() {}

    /// All tokens of the prompt, including those from a cache; nil if the usage has no count of them.
    package func prompt(in dialect: Dialect) -> Int? {
        switch dialect {
        case .messages:
            let parts = [input, cacheRead, cacheCreation].compactMap(\.value)
            return parts.isEmpty ? nil : parts.reduce(0, +)
        case .openAIChat, .completions, .responses: return input.value
        case .embeddings, .countTokens, .tokenize, .rerank, .other: return input.value ?? total.value
        }
    }

    /// The tokens of the prompt that came from a cache; nil if the usage has no count of them.
    package func cached(in dialect: Dialect) -> Int? {
        dialect == .messages ? cacheRead.value ?? cached.value : cached.value ?? cacheRead.value
    }

    /// Takes the counts of a later usage of the same stream.
    ///
    /// In Anthropic's dialect a usage with counts of caches describes the whole prompt. A usage without them may repeat
    /// the `input_tokens` of the first usage, or may include the cached tokens in them, as the first usage of vLLM
    /// does.
    mutating func absorb(_ later: TokenCounts, in dialect: Dialect) {
        let hasCacheCounts = later.cacheRead.value != nil || later.cacheCreation.value != nil
        if dialect == .messages, let input = later.input.value {
            let known = prompt(in: dialect) ?? 0
            if hasCacheCounts || input > known || (input == known && input > 0) {
                (cacheRead, cacheCreation) = (TokenCount(), TokenCount())
            }
            if input > 0 || hasCacheCounts || known == 0 { self.input = later.input }
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
