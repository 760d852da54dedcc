// How much an executor's prefix cache holds, learned from what its answers say was cached.

/// The believed size of one executor's prefix cache, in bytes of prompts.
///
/// No engine says how much its cache holds in bytes of prompts. But an answer says how many tokens of its prompt were
/// cached, and the pool has an estimate of that number. If much less was cached than estimated, the believed size is
/// too large. If more was cached, the size may be too small. The rule and its numbers were found by a replay of public
/// traces with simulated caches.
struct CacheSize: Equatable, Sendable {
    /// The cached part of one prompt: the part that the pool expected, and the part that the answer reports.
    struct Answer: Equatable, Sendable {
        /// The size of the prompt in bytes.
        var prompt: Int
        /// How many bytes of the prompt the executor was believed to hold.
        var believed: Int
        /// How many bytes of the prompt the executor has found in its cache.
        var cached: Int
    }

    /// The size at first: about a million tokens of four bytes.
    ///
    /// A size that is too large is corrected sooner than a size that is too small, and costs less until then.
    static let first = 4 << 20
    /// The limits of the size, in bytes: one long prompt, and a large cache of tokens in main memory.
    static let range = PromptPrefix.bytesMax...(1 << 32)
    /// The size is adjusted each time that prompts of this many bytes have been answered.
    private static let judgedBytes = 800 * PromptPrefix.step

    /// The size in bytes.
    private(set) var bytes: Int
    private var answered = 0
    /// The bytes that were believed to be cached, but were not.
    private var over = 0
    /// The bytes that were cached, but were not believed to be.
    private var under = 0

    /// Whether the size is still a guess: neither said by the engine nor learned from answers.
    private var isGuess = true
    /// Whether answers have shown at least once that the size was too large.
    ///
    /// Before that, the size may be far below the true size, so it grows in large steps. Afterwards it is near the true
    /// size and grows in small steps.
    private var hasBeenTooLarge = false

    /// Makes a size that has learned nothing yet.
    init(bytes: Int = Self.first) { self.bytes = bytes }

    /// Takes the size that the engine reports for its cache, unless a size was reported or learned before.
    mutating func said(_ bytes: Int) {
        guard isGuess else { return }
        isGuess = false
        self.bytes = min(max(bytes, Self.range.lowerBound), Self.range.upperBound)
    }

    /// Learns from an answer.
    ///
    /// - Parameter held: how many bytes of prompts the placement map believes the executor to hold.
    mutating func learn(_ answer: Answer, held: Int) {
        // The tokens of a prompt are not evenly spread over its bytes, and a cache holds no part of a block. So small
        // differences say nothing.
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
