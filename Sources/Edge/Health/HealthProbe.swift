// How an executor's health is probed, and how its answers are classified.
internal import Configuration
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// The health probe of one engine: a GET request at intervals.
///
/// The configuration sets it (`health`); the default path depends on the executor's `kind`.
struct HealthProbe: Sendable, Equatable {
    /// The path of the request, with the path of the executor's URL before it.
    var path: [UInt8]
    /// From one answer to the next request, in nanoseconds.
    var interval: Nanoseconds
    /// How long a probe waits for its answer, in nanoseconds.
    var timeout: Nanoseconds
    /// How many probes must pass in a row for an ejected engine to be used again.
    var rise: Int
    /// How many probes must fail in a row for an engine to be ejected.
    var fall: Int

    /// The probe of an executor; nil for an executor that is not probed.
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

    /// The health page of each kind of engine; nil for remote APIs, which have no such page and count every request.
    private static func path(of kind: ExecutorSettings.Kind) -> String? {
        switch kind {
        case .auto, .vllm, .sglang, .llamaCpp: "/health"
        case .ollama: "/"
        case .openai, .anthropic: nil
        }
    }

    /// What an answer says about the engine.
    ///
    /// A status below 500 passes: an engine without this page is alive all the same. So does an engine that answers 503
    /// or 529 because it is overloaded; one that says that it is loading its model is not ready.
    static func classify(status: Int, body: [UInt8]) -> ExecutorHealth.Probe {
        guard status >= 500 else { return .passed }
        guard status == 503 || status == 529 else { return .failed }
        let error = EngineError(status: status, body: body.span)
        if error.isLoading { return .notReady }
        if case .busy = error.meaning { return .passed }
        return .failed
    }
}
