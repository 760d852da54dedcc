// How the health of an engine is probed, and how the answer to a probe is classified.
internal import Configuration
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// The health probe of one engine: a GET request at intervals.
///
/// The section `health` of the configuration sets the values. The default path depends on the `kind` of the executor.
struct HealthProbe: Sendable, Equatable {
    /// The path of the request, including the path of the executor's URL.
    var path: [UInt8]
    /// The time from the result of one probe to the start of the next probe, in nanoseconds.
    var interval: Nanoseconds
    /// How long a probe waits for its answer, in nanoseconds.
    var timeout: Nanoseconds
    /// How many probes in a row must pass before an ejected engine gets requests again.
    var rise: Int
    /// How many probes in a row must fail or time out before an engine is ejected, so that it gets no requests.
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

    /// The path of the health page of each kind of engine.
    ///
    /// The path is nil for remote APIs: they have no such page, and would count each probe as a request.
    private static func path(of kind: ExecutorSettings.Kind) -> String? {
        switch kind {
        case .auto, .vllm, .sglang, .llamaCpp: "/health"
        case .ollama: "/"
        case .openai, .anthropic: nil
        }
    }

    /// Classifies the answer to a probe.
    ///
    /// A status below 500 passes, because an engine that answers is alive, even if it has no health page. A 503 or 529
    /// passes if the engine says that it is busy, and is `notReady` if the engine says that it is loading its model.
    static func classify(status: Int, body: [UInt8]) -> ExecutorHealth.Probe {
        guard status >= 500 else { return .passed }
        guard status == 503 || status == 529 else { return .failed }
        let error = EngineError(status: status, body: body.span)
        if error.isLoading { return .notReady }
        if case .busy = error.meaning { return .passed }
        return .failed
    }
}
