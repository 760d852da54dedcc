// How an executor is asked whether it lives, and what its answer says.
internal import Configuration
internal import Glibc
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// By the executor's kind, unless the configuration says otherwise.
struct HealthProbe: Sendable, Equatable {
    var path: [UInt8]
    var interval: Nanoseconds
    var timeout: Nanoseconds
    var rise: Int
    var fall: Int

    /// Nil for an executor that is not asked.
    init?(_ settings: ExecutorSettings) {
        guard settings.health.interval > .zero, let path = settings.health.path ?? Self.path(of: settings.kind) else {
            return nil
        }
        self.path = Array((settings.url.pathPrefix + path).utf8)
        interval = Nanoseconds(settings.health.interval.inNanoseconds)
        timeout = Nanoseconds(settings.health.timeout.inNanoseconds)
        rise = settings.health.rise
        fall = settings.health.fall
    }

    /// executors.md, 4.1; remote APIs have no such page, and count what they are asked.
    private static func path(of kind: ExecutorSettings.Kind) -> String? {
        switch kind {
        case .auto, .vllm, .sglang, .llamaCpp: "/health"
        case .ollama: "/"
        case .openai, .anthropic: nil
        }
    }

    /// What an answer says: a server without this page lives all the same, and so does one that has too much to do; one
    /// that says that it loads its model may not be asked yet.
    static func judge(status: Int, body: [UInt8]) -> ExecutorHealth.Probe {
        guard status >= 500 else { return .passed }
        guard status == 503 || status == 529 else { return .failed }
        let error = EngineError(status: status, body: body.span)
        if error.isLoading { return .notReady }
        if case .busy = error.meaning { return .passed }
        return .failed
    }
}

/// A probe that no good answer came to.
struct ProbeLoss: Sendable, Equatable {
    /// `failed` or `timedOut`.
    let probe: ExecutorHealth.Probe
    /// For logs.
    let text: String
    /// The connection was refused or reset.
    var isRefusal = false

    init(_ probe: ExecutorHealth.Probe, _ text: String) {
        self.probe = probe
        self.text = text
    }

    /// Only what says that nobody serves there counts as `failed`.
    ///
    /// A host that cannot be reached or has no address now, a certificate that does not verify, an answer that is no HTTP:
    /// the engine may still work on what it has, so these count as if no answer had come.
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
