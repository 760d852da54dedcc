// The options of `bench aborts`, and the requests that its streams send.
internal import Inference
internal import Transport

/// The options of one run of `bench aborts`.
package struct AbortsOptions: Sendable {
    /// The phases of a request in which the bench makes the client disconnect, in the order of the measurements.
    package var phases = AbortPhase.allCases
    /// How many streams are reset in each phase.
    package var count = 1000
    /// How many streams are open at the same time.
    package var streams = 64
    /// How many streams the bench opens on one HTTP/2 connection in all, before it uses a new connection.
    ///
    /// A server may close a connection after too many resets.
    package var perConnection = 100
    /// The time from one reset to the next, in nanoseconds.
    package var spacing: UInt64 = 1_000_000
    /// The model that requests ask for.
    package var model = "demo"
    /// The API key that requests carry; nil for none.
    package var apiKey: String?
    /// The processor to which the bench is pinned; nil for none.
    package var pin: Int?

    /// Makes options with the default values of the command line.
    package init() {}

    /// Makes a request whose client will disconnect in the phase `phase`.
    func request(_ phase: AbortPhase, id: String) -> ClientRequest {
        var json = JSONWriter(reserving: 512)
        json.beginObject()
        json.field("model", model)
        json.field("stream", true)
        json.field("max_tokens", 100_000)
        json.key("messages")
        json.beginArray()
        json.beginObject()
        json.field("role", "user")
        json.field("content", "Count the grains of sand on the beach, one after the other, and do not stop.")
        json.endObject()
        json.endArray()
        json.key("simulator")
        json.beginObject()
        json.field("prefill_ms", phase.simulator.prefillMilliseconds)
        json.field("pace", phase.simulator.pace)
        json.endObject()
        json.endObject()
        return .chat(json.bytes, apiKey: apiKey, id: id)
    }
}
