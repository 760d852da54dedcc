// The ways in which an attempt fails through no fault of its client.

/// How an attempt failed, if the client did not cause it.
package enum FaultScope: Sendable, Equatable {
    /// The engine could not be reached, its certificate is not trusted, or the connection broke before the first event.
    case connection
    /// The executor answered with an error status or an error event, or its answer broke off.
    case answer
    /// The executor can be reached, but its answer or the rest of it did not come in time.
    case timeout
    /// The engine did not accept a connection in time.
    case connectTimeout

    /// The failure in words for the operator, which follow the words "attempts in a row".
    package var text: String {
        switch self {
        case .connection: "could not connect, or broke off before the answer"
        case .answer: "were answered with a failure"
        case .timeout: "were not answered in time"
        case .connectTimeout: "had no connection in time"
        }
    }
}
