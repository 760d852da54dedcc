// The options of `bench streams`, and the request that its streams send.
internal import Inference

/// The options of one run of `bench streams`.
package struct StreamsOptions: Sendable {
    /// How many connections are opened.
    package var connections = 4
    /// How many streams each connection carries.
    package var streams = 100
    /// How long the measurement lasts, in seconds.
    package var seconds = 10.0
    /// How long the streams run before the measurement, in seconds.
    package var warmup = 3.0
    /// The model that requests ask for.
    package var model = "demo"
    /// How many tokens per second each stream gets; nil for the executor's default.
    package var pace: Double?
    /// How long the simulated executor waits before the first token, in milliseconds; nil for the executor's default.
    package var prefillMilliseconds: Int?
    /// How many tokens each stream gets; nil if each stream gets enough tokens for the whole run.
    package var maxTokens: Int?
    /// The API key that requests carry; nil for none.
    package var apiKey: String?
    /// How long the streams continue after the measurement, in seconds.
    package var hold = 0.3
    /// The processor to which the bench is pinned; nil for none.
    package var pin: Int?

    /// Makes options with the default values of the command line.
    package init() {}

    /// How many streams all connections have together.
    var total: Int { connections * streams }

    /// How many tokens each stream gets: `maxTokens`, or enough for twice the length of the run at `pace`.
    ///
    /// If neither is set, each stream gets a million tokens.
    private var tokensMax: Int {
        if let maxTokens { return maxTokens }
        guard let pace else { return 1_000_000 }
        return Int(pace * (warmup + seconds + hold + 10) * 2) + 1000
    }

    /// The request that every stream sends.
    func request() -> ClientRequest {
        var json = JSONWriter(reserving: 512)
        json.beginObject()
        json.field("model", model)
        json.field("stream", true)
        json.field("max_tokens", tokensMax)
        json.key("messages")
        json.beginArray()
        json.beginObject()
        json.field("role", "user")
        json.field("content", Self.prompt)
        json.endObject()
        json.endArray()
        json.key("simulator")
        json.beginObject()
        if let pace { json.field("pace", pace) }
        if let prefillMilliseconds { json.field("prefill_ms", prefillMilliseconds) }
        json.endObject()
        json.endObject()
        return .chat(json.bytes, apiKey: apiKey)
    }

    /// A prompt of about 200 bytes.
    private static let prompt =
        "Write the history of the lighthouse at the end of the world, from the first stone to the last keeper, and "
        + "spare no detail: the storms, the letters, the ships that came and the one that did not come back."
}
