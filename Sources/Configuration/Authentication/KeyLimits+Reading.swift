// Reading the limits of a key, in the configuration and in a file of keys.
package import Routing

extension KeyLimits {
    /// The largest limit that may be given.
    package static let most = 1_000_000_000

    /// Reads the limits of one key, or those of all clients without a key.
    init(reading section: ConfigurationSection) {
        self.init(
            concurrency: section.count("concurrency", in: 1...Self.most),
            requestsPerMinute: section.count("requests_per_minute", in: 1...Self.most),
            tokensPerMinute: section.count("tokens_per_minute", in: 1...Self.most)
        )
    }
}
