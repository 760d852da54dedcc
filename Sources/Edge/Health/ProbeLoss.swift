// A health probe that has failed, and what its failure says about the engine.
internal import Glibc
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// A health probe that has got no good answer.
struct ProbeLoss: Sendable, Equatable {
    /// How the engine's health counts the probe: `failed` or `timedOut`.
    let probe: ExecutorHealth.Probe
    /// What happened, for logs.
    let text: String
    /// Whether the connection was refused or reset.
    var isRefusal = false

    init(_ probe: ExecutorHealth.Probe, _ text: String) {
        self.probe = probe
        self.text = text
    }

    /// Classifies a failed attempt: it counts as `failed` only if it shows that no server listens at the engine's
    /// address.
    ///
    /// A host that cannot be reached or resolved now, a certificate that does not verify, an answer that is not HTTP:
    /// the engine may still work on the requests that it has, so these count as `timedOut`.
    init(_ failure: ExecutorFailure) {
        text = Failure(attempt: failure).detail ?? Self.text(failure)
        switch failure {
        case .unreachable(let error): isRefusal = [ECONNREFUSED, ECONNRESET, EPIPE, ENOENT].contains(error.code)
        case .closedBeforeHead, .closedInResponse: isRefusal = true
        case .unresolved, .connectTimeout, .tls, .noHTTP2, .refused, .violation: isRefusal = false
        }
        probe = isRefusal ? .failed : .timedOut
    }

    private static func text(_ failure: ExecutorFailure) -> String {
        if case .connectTimeout = failure { return "no connection in time" }
        return "the connection was closed"
    }
}
