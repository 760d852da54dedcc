// The software of an engine, as the configuration says it or as the engine's answers have shown it.

/// The software of an engine.
package enum EngineKind: UInt8, Sendable, CaseIterable {
    /// The software is not known: neither the configuration nor the engine's answers have named it.
    case unknown
    case vllm, sglang, llamaCpp, ollama, openai, anthropic

    /// Whether the engine keeps what it has computed for prompts (prefix cache).
    ///
    /// If all engines of a pool do so, the method `Balance.auto` sends a prompt to an engine that has the beginning of
    /// the prompt in its cache, unless that engine has too much to do.
    package var cachesPrompts: Bool {
        switch self {
        case .vllm, .sglang, .llamaCpp: true
        case .unknown, .ollama, .openai, .anthropic: false
        }
    }

    /// Whether an engine of this kind accepts connections only after it has loaded its model.
    ///
    /// A connection that such an engine refuses may mean that the engine is still loading. An engine of another kind
    /// that refuses connections is not running.
    var listensOnceLoaded: Bool { self == .vllm || self == .sglang }

    /// Whether the models at an engine of this kind share the capacity of one machine.
    ///
    /// If so, a pool compares executors at such engines by the load of all models of the engine.
    var sharesCapacity: Bool { cachesPrompts }
}
