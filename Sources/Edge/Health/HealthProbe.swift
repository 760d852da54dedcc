// How an executor is asked whether it lives, and what its answer says.
internal import HTTP
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

    /// What an answer says: a server without this page lives all the same, and llama.cpp's may still load its model.
    static func judge(status: Int, body: [UInt8]) -> ExecutorHealth.Probe {
        if status == 503, String(decoding: body, as: UTF8.self).contains("Loading model") { return .notReady }
        return status < 500 ? .passed : .failed
    }
}
