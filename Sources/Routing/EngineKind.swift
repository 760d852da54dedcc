// The software of an engine, as the configuration says it or as the engine's answers have shown it.

/// The software of an engine.
package enum EngineKind: UInt8, Sendable, CaseIterable {
    /// The configuration says nothing, and the engine's answers have not shown it either.
    case unknown
    case vllm, sglang, llamaCpp, ollama, openai, anthropic

    /// Whether the engine keeps what it has computed for a prompt, and whether that is worth a choice by prompts
    /// (`Balance.prefix`).
    package var cachesPrompts: Bool {
        switch self {
        case .vllm, .sglang, .llamaCpp: true
        case .unknown, .ollama, .openai, .anthropic: false
        }
    }

    /// Whether such an engine accepts connections only once it has loaded its model, so that a refused connection may mean
    /// that it loads; engines of other kinds that refuse connections are not there.
    var listensOnceLoaded: Bool { self == .vllm || self == .sglang }

    /// Whether the models at such an engine share its capacity, see `Engine.modelsShareCapacity`.
    var sharesCapacity: Bool { cachesPrompts }
}
