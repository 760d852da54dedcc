// The phases of an exchange in which the clients of `bench aborts` disconnect.
internal import Transport

/// The phase of an exchange in which its client disconnects.
package enum AbortPhase: String, CaseIterable, Sendable {
    /// Half of the request body has been sent.
    ///
    /// A server that reads the whole body before it contacts an executor has contacted none at this time.
    case body
    /// The executor has received the request, and has not sent anything yet.
    case prefill
    /// The first event has just arrived at the client.
    case first
    /// Several events have arrived at the client.
    case stream

    /// The prefill time and the pace, in tokens per second, that the request asks of the simulated executor.
    ///
    /// With these values the exchange reaches this phase.
    var simulator: (prefillMilliseconds: Int, pace: Int) {
        switch self {
        case .body: (0, 50)
        case .prefill: (5000, 50)
        case .first: (20, 50)
        case .stream: (0, 50)
        }
    }

    /// The minimum age of a stream before it is reset, in nanoseconds; nil if the arrival of an event
    /// triggers the reset.
    var ageMin: Nanoseconds? {
        switch self {
        case .body, .prefill: 40_000_000
        case .stream: 10_000_000
        case .first: nil
        }
    }

    /// How many tokens must arrive before the reset.
    var tokensMin: Int {
        switch self {
        case .body, .prefill: 0
        case .first: 1
        case .stream: 3
        }
    }
}
