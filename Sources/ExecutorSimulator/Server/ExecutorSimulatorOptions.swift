// The settings of a simulated model server. A request can override some of them.
package import Transport

/// The settings of one simulated model server.
package struct ExecutorSimulatorOptions: Sendable {
    /// The names of the models that the simulator serves.
    ///
    /// A request for any other model gets status 404.
    package var models = ["demo"]
    /// The engine that the simulator imitates.
    package var kind = SimulatedKind.simulator
    /// Whether the usage in responses says how many tokens of the prompt were cached.
    ///
    /// Some engines report this only if a command-line flag asks for it.
    package var reportsCachedTokens = true
    /// The time from the end of a request to the first token of its response.
    package var prefill: Nanoseconds = 50_000_000
    /// How many tokens of prompts the simulator computes per second, one prompt after the other.
    ///
    /// Nil means that each prompt takes the time `prefill`, and all prompts are computed at the same time.
    package var prefillRate: Double?
    /// The path of a file that slows the simulator down while it exists; nil for no such file.
    ///
    /// Prompts are then computed at a third of `prefillRate`.
    package var slowWhile: String?
    /// How many tokens of prompts the simulated prefix cache holds; nil for no cache.
    package var cacheTokens: Int?
    /// The cache size, in tokens, that the metrics claim; nil if they report the true size.
    package var saidCacheTokens: Int?
    /// The number of tokens in a block, which is the smallest part of a prompt that the prefix cache holds.
    package var blockSize = 16
    /// How many tokens per second each stream gets; 0 means as fast as the client reads.
    package var pace = 50.0
    /// The number of tokens of a response if the request sets no limit.
    package var tokens = 64
    /// Whether streams of the same pace write their tokens at different moments, instead of all at the same moment.
    package var isSpread = false
    /// How long the simulator waits, after it has accepted a connection, until it reads from the connection.
    package var acceptDelay: Nanoseconds = 0
    /// The faults, such as a broken stream, in responses to requests that do not ask for faults themselves.
    package var faults = Faults()
    /// How many requests get the faults in `faults`; nil for all requests.
    package var faultsMax: Int?
    /// How many requests may be in progress at the same time; nil for no limit.
    ///
    /// A further request gets status 429.
    package var runningMax: Int?
    /// The files of the certificate and of the key for TLS; nil to serve without TLS.
    package var certificate: CertificateFiles?
    /// The dialects that the simulator serves; nil for all.
    ///
    /// Each is one of `chat`, `completions`, `embeddings`, `responses`, `messages` and `rerank`. The paths of the other
    /// dialects get status 404, in the format of FastAPI.
    package var dialects: [String]?
    /// How long after its start the simulator acts as if it were still loading its model.
    package var loadingTime: Nanoseconds = 0
    /// The path of a file; the simulator acts as if it were loading its model until the file exists.
    ///
    /// Nil if `loadingTime` decides.
    package var loadingUntil: String?
    /// The JSON member of a chat's messages and deltas in which the simulator sends reasoning; nil for no reasoning.
    ///
    /// The first half of each generated text is sent as reasoning.
    package var reasoningField: String?
    /// How many streams an HTTP/2 connection may have at the same time.
    package var streamsMax = 10_000
    /// How long a connection may be idle before the simulator closes it.
    package var idleTimeout: Nanoseconds = 75_000_000_000

    /// Makes settings in which every value is the default.
    package init() {}

    /// Whether the simulator must count the tokens of prompts, because it has a prefix cache or a prefill rate.
    var countsPrompts: Bool { cacheTokens != nil || prefillRate != nil }

    /// An error message that names a word in `dialects` which is not a dialect; nil if all of them are dialects.
    package var dialectProblem: String? {
        let known = ModelEndpoint.dialects
        guard let unknown = dialects?.first(where: { !known.contains($0) }) else { return nil }
        return "--dialects are of \(known.joined(separator: ", ")), not '\(unknown)'"
    }

    /// An error message for a wrong option of the prefix cache or of the prefill rate; nil if all are right.
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
