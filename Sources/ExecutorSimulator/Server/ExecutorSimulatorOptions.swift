// The settings of a simulator. A request can override some of them.
package import Transport

/// The settings of one simulator.
package struct ExecutorSimulatorOptions: Sendable {
    /// The names of the served models.
    ///
    /// A request for any other model gets status 404.
    package var models = ["demo"]
    /// The engine that the simulator poses as.
    package var kind = SimulatedKind.simulator
    /// Whether usage reports how many tokens of the prompt were cached, as some engines do only if a flag asks for it.
    package var reportsCachedTokens = true
    /// The time from the end of the request to the first token.
    package var prefill: Nanoseconds = 50_000_000
    /// How many tokens of prompts are computed per second, one prompt after the other; nil if each prefill takes
    /// `prefill`.
    package var prefillRate: Double?
    /// The path of a file, or nil; while the file exists, `prefillRate` is reduced to a third.
    package var slowWhile: String?
    /// How many tokens of prompts the prefix cache holds; nil for no cache.
    package var cacheTokens: Int?
    /// The size of the cache, in tokens, that the metrics report; nil to report the true size.
    package var saidCacheTokens: Int?
    /// How many tokens a block of the prefix cache has.
    package var blockSize = 16
    /// How many tokens per second each stream gets; 0 for as many as the client reads.
    package var pace = 50.0
    /// How many tokens a response has if the request sets no limit.
    package var tokens = 64
    /// Whether streams of the same pace write their tokens at different times, instead of all at once.
    package var isSpread = false
    /// How long the simulator waits after it has accepted a connection, before it reads from the connection.
    package var acceptDelay: Nanoseconds = 0
    /// The faults for each request that names no faults.
    package var faults = Faults()
    /// How many requests get `faults`; nil for all requests.
    package var faultsMax: Int?
    /// How many requests may be in progress at the same time; a further request gets status 429; nil for no limit.
    package var runningMax: Int?
    /// The paths of the certificate and key for TLS; nil to serve without TLS.
    package var certificate: CertificateFiles?
    /// The dialects that the simulator has; nil for all.
    ///
    /// Each is one of `chat`, `completions`, `embeddings`, `responses`, `messages` and `rerank`. The paths of the
    /// other dialects get the 404 of FastAPI.
    package var dialects: [String]?
    /// How long the simulator loads its model after it has begun to serve.
    package var loadingTime: Nanoseconds = 0
    /// The path of a file; the model is loaded as soon as the file exists; nil if `loadingTime` decides.
    package var loadingUntil: String?
    /// The member of a chat's messages and deltas that carries the reasoning; nil if there is no reasoning.
    ///
    /// The reasoning is the first half of the text.
    package var reasoningField: String?
    /// How many streams an HTTP/2 connection may have at the same time.
    package var streamsMax = 10_000
    /// How long a connection may be idle before it is closed.
    package var idleTimeout: Nanoseconds = 75_000_000_000

    /// Makes the default settings.
    package init() {}

    /// Whether the tokens of prompts matter, because there is a prefix cache or a prefill rate.
    var countsPrompts: Bool { cacheTokens != nil || prefillRate != nil }

    /// A sentence that says which word of `dialects` is not a dialect; nil if all of them are dialects.
    package var dialectProblem: String? {
        let known = ModelEndpoint.dialects
        guard let unknown = dialects?.first(where: { !known.contains($0) }) else { return nil }
        return "--dialects are of \(known.joined(separator: ", ")), not '\(unknown)'"
    }

    /// A sentence that says which option of the prefix cache or of the prefill rate has a wrong value; nil if none has.
    package var cacheProblem: String? {
        let blockMost = 65_536
        let cacheMost = 1_000_000_000
        let rateMost = 1_000_000_000.0
        guard (1...blockMost).contains(blockSize) else {
            return "--block is between 1 and \(blockMost) tokens, not \(blockSize)"
        }
        if let cacheTokens {
            guard cacheTokens >= blockSize else {
                return "--cache-tokens is at least one block of \(blockSize) tokens, not \(cacheTokens)"
            }
            guard cacheTokens <= cacheMost else {
                return "--cache-tokens is at most \(cacheMost), not \(cacheTokens)"
            }
        }
        guard saidCacheTokens == nil || cacheTokens != nil else { return "--cache-tokens-said needs --cache-tokens" }
        if let saidCacheTokens, !(0...cacheMost).contains(saidCacheTokens) {
            return "--cache-tokens-said is between 0 and \(cacheMost), not \(saidCacheTokens)"
        }
        guard slowWhile == nil || prefillRate != nil else { return "--slow-while needs --prefill-rate" }
        if let prefillRate, !(prefillRate > 0 && prefillRate <= rateMost) {
            return "--prefill-rate is above 0 and at most \(Int(rateMost)) tokens a second, not \(prefillRate)"
        }
        return nil
    }
}
