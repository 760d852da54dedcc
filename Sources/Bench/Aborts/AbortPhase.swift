// The phases of an exchange in which the clients of `bench aborts` disconnect from the server.
internal import Transport

/// The point in an exchange at which its client disconnects.
package enum AbortPhase: String, CaseIterable, Sendable {
    /// The client has sent half of the request body.
    ///
    /// A server that reads the whole body before it contacts an executor has contacted none at this point.
    case body
    /// The executor has received the request, and has sent nothing yet.
    case prefill
    /// The client has just received the first event.
    case first
    /// The client has received several events.
    case stream

    /// The time until the first token, and the number of tokens per second.
    ///
    /// A request of this phase asks the simulated executor to keep to these values, so that the exchange gets into this
    /// phase.
    var simulator: (prefillMilliseconds: Int, pace: Int) {
        switch self {
        case .body: (0, 50)
        case .prefill: (5000, 50)
        case .first: (20, 50)
        case .stream: (0, 50)
        }
    }

    /// The minimum time from the opening of a stream to its reset by the bench.
    ///
    /// Nil in the phase `first`, where the bench resets a stream as soon as an event arrives.
    var ageMin: Nanoseconds? {
        switch self {
        case .body, .prefill: 40_000_000
        case .stream: 10_000_000
        case .first: nil
        }
    }

    /// How many tokens the client must have received before the bench resets the stream.
    var tokensMin: Int {
        switch self {
        case .body, .prefill: 0
        case .first: 1
        case .stream: 3
        }
    }
}
