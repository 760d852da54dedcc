// Reads the limits of an API key from a file of keys, and the limits for clients without a key from the configuration.
package import Routing

extension KeyLimits {
    /// The largest value that a limit may have.
    package static let most = 1_000_000_000
    /// The largest value of `prefill_resets`, both for one API key and in `limits` of the configuration.
    ///
    /// The setting limits how many requests a minute clients may give up before the answers begin.
    package static let prefillResetsMost = 1_000_000

    /// Reads the limits of one API key, or the limits for clients without a key.
    init(reading section: ConfigurationSection) {
        self.init(
            concurrency: section.count("concurrency", in: 1...Self.most),
            requestsPerMinute: section.count("requests_per_minute", in: 1...Self.most),
            tokensPerMinute: section.count("tokens_per_minute", in: 1...Self.most)
        )
    }
}
