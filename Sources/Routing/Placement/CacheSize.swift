// Estimates the size of an executor's prefix cache from answers, which say how many tokens of the prompt were cached.

/// An estimate of the size of one executor's prefix cache, in bytes of prompts.
///
/// No engine says how many bytes of prompts its cache holds. Some engines report the size in tokens, which gives a
/// first estimate. Later, an answer says how many tokens of its prompt were cached, and the pool has predicted that
/// number. If much less was cached than predicted, the estimated size is too large. If more was cached, the estimated
/// size may be too small. The rule and its numbers were found by a replay of public traces with simulated caches.
struct CacheSize: Equatable, Sendable {
    /// The cached part of one prompt: the part that the pool predicted, and the part that the answer reports.
    struct Answer: Equatable, Sendable {
        /// The size of the prompt in bytes.
        var prompt: Int
        /// How many bytes of the prompt were in the executor's cache according to the pool's prediction.
        var believed: Int
        /// How many bytes of the prompt were in the executor's cache according to the answer.
        var cached: Int
    }

    /// The estimate before any answer: about a million tokens of four bytes.
    ///
    /// An estimate that is too large is corrected sooner than one that is too small, and does less harm until then.
    static let first = 4 << 20
    /// The range of the estimate in bytes, from the size of one long prompt to that of a large cache in main memory.
    static let range = PromptPrefix.bytesMax...(1 << 32)
    /// The estimate is adjusted each time that prompts with this many bytes in total have been answered.
    private static let judgedBytes = 800 * PromptPrefix.step

    /// The estimated size of the cache in bytes.
    private(set) var bytes: Int
    private var answered = 0
    /// How many bytes were predicted to be cached but were not, since the last adjustment of the size.
    private var over = 0
    /// How many bytes were cached although the prediction was that they were not, since the last adjustment of the
    /// size.
    private var under = 0

    /// Whether the size is only a guess, because the engine has not reported it and no adjustment has been made.
    private var isGuess = true
    /// Whether an adjustment has ever found the estimated size too large.
    ///
    /// Before that, the estimate may be far below the true size, so it grows in large steps. Afterwards it is near the
    /// true size and grows in small steps.
    private var hasBeenTooLarge = false

    /// Makes an estimate that has learned nothing from answers yet.
    init(bytes: Int = Self.first) { self.bytes = bytes }

    /// Sets the estimate to the size that the engine reports for its cache.
    ///
    /// The function does nothing if the engine has reported a size before, or if answers have already led to an
    /// adjustment of the estimate.
    ///
    /// - Parameter bytes: the size in bytes of prompts, which the pool computes from a size in tokens.
    mutating func said(_ bytes: Int) {
        guard isGuess else { return }
        isGuess = false
        self.bytes = min(max(bytes, Self.range.lowerBound), Self.range.upperBound)
    }

    /// Compares the predicted cached part of a prompt with the cached part that the answer reports.
    ///
    /// Once enough prompts were compared, the function adjusts the estimated size.
    ///
    /// - Parameter held: how many bytes of prompts the pool believes to be in the executor's cache at present.
    mutating func learn(_ answer: Answer, held: Int) {
        // Differences up to `slack` are ignored, for two reasons. The tokens of a prompt are not evenly spread over its
        // bytes. And an engine caches only whole blocks of tokens, so the end of a prompt is often not cached.
        let slack = PromptPrefix.step + answer.prompt / 16
        answered += answer.prompt
        over += max(0, answer.believed - answer.cached - slack)
        under += max(0, answer.cached - answer.believed - slack)
        guard answered >= Self.judgedBytes else { return }
        let (over, under) = (Double(over) / Double(answered), Double(under) / Double(answered))
        (answered, self.over, self.under) = (0, 0, 0)
        isGuess = false
        let isTooLarge = over > 0.03
        if isTooLarge { hasBeenTooLarge = true }
        let next =
            if isTooLarge {
                Double(min(bytes, max(held, Self.range.lowerBound))) * (1 - min(0.5, 1.5 * over))
            } else if under > 0.03 {
                Double(bytes) * (hasBeenTooLarge ? 1.25 : 2)
            } else if under > 0.01 || over < 0.01 && held > bytes / 2 {
                Double(bytes) * (hasBeenTooLarge ? 1.125 : 1.5)
            } else {
                Double(bytes)
            }
        bytes = min(max(Int(next), Self.range.lowerBound), Self.range.upperBound)
    }
}
