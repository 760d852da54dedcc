// A failed health probe, and what the failure says about the engine.
internal import Glibc
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// A health probe that failed or timed out.
struct ProbeLoss: Sendable, Equatable {
    /// How the probe counts for the engine's health: as `failed` or as `timedOut`.
    let probe: ExecutorHealth.Probe
    /// How the probe failed, in words for the log.
    let text: String
    /// Whether the connection was refused, reset or closed, or the engine's unix socket does not exist.
    var isRefusal = false

    init(_ probe: ExecutorHealth.Probe, _ text: String) {
        self.probe = probe
        self.text = text
    }

    /// Classifies the failure of a probe: it counts as `failed` if the connection was refused, reset or closed.
    ///
    /// A unix socket that does not exist counts as a refused connection. All other failures count as `timedOut`,
    /// because the engine may still work on the requests that it has. Examples are a host that cannot be reached or
    /// resolved, a certificate that does not verify, and an answer that is not HTTP.
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
