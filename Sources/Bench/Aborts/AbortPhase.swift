// The phases of an exchange in which `bench aborts` lets clients leave.
internal import Transport

/// The phase of an exchange in which its client leaves.
package enum AbortPhase: String, CaseIterable, Sendable {
    /// Half of the request body has been sent. A server that reads bodies whole has not sent the request to an executor
    /// yet.
    case body
    /// The executor has the request and has sent nothing yet.
    case prefill
    /// The first event has just arrived.
    case first
    /// Several events have arrived.
    case stream

    /// How the simulated executor serves a request whose client leaves in this phase.
    var simulator: (prefillMilliseconds: Int, pace: Int) {
        switch self {
        case .body: (0, 50)
        case .prefill: (5000, 50)
        case .first: (20, 50)
        case .stream: (0, 50)
        }
    }

    /// The age from which a stream may be reset; nil if the arrival of an event triggers the reset.
    var ageMin: Nanoseconds? {
        switch self {
        case .body, .prefill: 40_000_000
        case .stream: 10_000_000
        case .first: nil
        }
    }

    /// How many tokens have to arrive before the reset.
    var tokensMin: Int {
        switch self {
        case .body, .prefill: 0
        case .first: 1
        case .stream: 3
        }
    }
}
