// The token counts that an executor reports in a `usage` object, in the formats of all dialects.

/// A count of tokens that may be absent.
///
/// A count takes four bytes, because the edge keeps seven counts for each stream that it relays.
package struct TokenCount: Equatable, Sendable {
    private var stored: Int32 = -1

    /// Makes an absent count.
    package init() {}

    /// Makes a count from a number that an executor has reported.
    ///
    /// A negative number, or a number above 2^31 - 1, makes an absent count.
    package init(_ number: Int) {
        if number >= 0 { stored = Int32(exactly: number) ?? -1 }
    }

    /// The count; nil if it is absent.
    package var value: Int? { stored < 0 ? nil : Int(stored) }

    /// Replaces the count by a count that the executor has reported later, unless the later count is absent.
    mutating func take(_ later: TokenCount) {
        if later.stored >= 0 { self = later }
    }
}

/// The token counts of one `usage` object, or of all `usage` objects of one stream.
package struct TokenCounts: Equatable, Sendable {
    /// The count `prompt_tokens` or `input_tokens`.
    package var input = TokenCount()
    /// The count `completion_tokens` or `output_tokens`.
    package var output = TokenCount()
    /// The count `total_tokens`.
    package var total = TokenCount()
    /// Anthropic's count `cache_read_input_tokens`, which `input` does not include.
    package var cacheRead = TokenCount()
    /// Anthropic's count `cache_creation_input_tokens`, which `input` does not include.
    package var cacheCreation = TokenCount()
    /// OpenAI's count `cached_tokens`, or llama.cpp's `timings.cache_n`; `input` includes it.
    package var cached = TokenCount()
    /// The count `reasoning_tokens`, which `output` includes.
    package var reasoning = TokenCount()

    /// Makes counts that are all absent.
    package init() {}

    /// The number of tokens in the prompt, including cached tokens; nil if the executor has not reported it.
    package func prompt(in dialect: Dialect) -> Int? {
        switch dialect {
        case .messages:
            let parts = [input, cacheRead, cacheCreation].compactMap(\.value)
            return parts.isEmpty ? nil : parts.reduce(0, +)
        case .openAIChat, .completions, .responses: return input.value
        case .embeddings, .countTokens, .tokenize, .rerank, .other: return input.value ?? total.value
        }
    }

    /// The number of tokens in the prompt that came from a cache; nil if the executor has not reported it.
    package func cached(in dialect: Dialect) -> Int? {
        dialect == .messages ? cacheRead.value ?? cached.value : cached.value ?? cacheRead.value
    }

    /// Merges the counts of a later `usage` object of the same stream.
    ///
    /// In Anthropic's dialect, a `usage` object with cache counts describes the whole prompt, so it replaces the
    /// earlier cache counts. If the object has no cache counts, its `input_tokens` decides. A number that is smaller
    /// than the whole prompt as reported so far does not include the cached tokens, so the earlier cache counts stay.
    /// Any other number includes the cached tokens, as in vLLM's first `usage` object, so the earlier cache counts are
    /// dropped.
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
