// What `bench streams` is asked for, and the request that its streams send.
internal import Inference

package struct StreamsOptions: Sendable {
    package var connections = 4
    /// On each connection.
    package var streams = 100
    package var seconds = 10.0
    package var warmup = 3.0
    package var model = "demo"
    /// Tokens a second of each stream; nil leaves it to the executor.
    package var pace: Double?
    package var prefillMilliseconds: Int?
    package var maxTokens: Int?
    package var apiKey: String?
    /// How long the streams go on after the measured part.
    package var hold = 0.3
    package var pin: Int?

    package init() {}

    var total: Int { connections * streams }

    /// Enough for the whole run, and as much again.
    private var tokensMax: Int {
        if let maxTokens { return maxTokens }
        guard let pace else { return 1_000_000 }
        return Int(pace * (warmup + seconds + hold + 10) * 2) + 1000
    }

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
        var fields = [
            (name: "content-type", value: "application/json"), (name: "accept", value: "text/event-stream"),
            (name: "user-agent", value: "freeinference-bench"),
        ]
        if let apiKey { fields.append((name: "authorization", value: "Bearer \(apiKey)")) }
        return ClientRequest(path: "/v1/chat/completions", fields: fields, body: json.bytes)
    }

    /// About 200 bytes.
    private static let prompt =
        "Write the history of the lighthouse at the end of the world, from the first stone to the last keeper, and "
        + "spare no detail: the storms, the letters, the ships that came and the one that did not come back."
}
