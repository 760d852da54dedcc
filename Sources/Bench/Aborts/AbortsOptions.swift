// What `bench aborts` is asked for: the phases in which clients leave, and the requests that lead there.
internal import Inference
internal import Transport

/// Where in its life an exchange is when its client leaves.
package enum AbortPhase: String, CaseIterable, Sendable {
    /// Half of the request's body has been sent. A server that reads bodies whole has opened no executor yet.
    case body
    /// The executor has the request and is silent.
    case prefill
    /// The first event has just come.
    case first
    /// Several events have come.
    case stream

    /// For the executor: how it is to serve a request that will be left in this phase.
    fileprivate var simulator: (prefillMilliseconds: Int, pace: Int) {
        switch self {
        case .body: (0, 50)
        case .prefill: (5000, 50)
        case .first: (20, 50)
        case .stream: (0, 50)
        }
    }

    /// Resets by the clock come no earlier in a stream's life; nil when an event is what triggers them.
    var ageMin: Nanoseconds? {
        switch self {
        case .body, .prefill: 40_000_000
        case .stream: 10_000_000
        case .first: nil
        }
    }

    /// So many tokens come first.
    var tokensMin: Int {
        switch self {
        case .body, .prefill: 0
        case .first: 1
        case .stream: 3
        }
    }
}

package struct AbortsOptions: Sendable {
    package var phases = AbortPhase.allCases
    /// Resets in each phase.
    package var count = 1000
    /// Streams open at once.
    package var streams = 64
    /// Streams that one HTTP/2 connection carries: servers limit the resets of a connection.
    package var perConnection = 100
    /// From one reset to the next, in nanoseconds.
    package var spacing: UInt64 = 1_000_000
    package var model = "demo"
    package var apiKey: String?
    package var pin: Int?

    package init() {}

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
        var fields = [
            (name: "content-type", value: "application/json"), (name: "accept", value: "text/event-stream"),
            (name: "user-agent", value: "freeinference-bench"), (name: "x-request-id", value: id),
        ]
        if let apiKey { fields.append((name: "authorization", value: "Bearer \(apiKey)")) }
        return ClientRequest(path: "/v1/chat/completions", fields: fields, body: json.bytes)
    }
}
