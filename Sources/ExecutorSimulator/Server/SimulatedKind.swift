// The engines that the simulated model server can imitate.

/// An engine that the simulator imitates, mainly in its list of models and in its metrics.
package enum SimulatedKind: String, Sendable, CaseIterable {
    /// The simulator imitates no engine in its list of models, and has the metrics of vLLM.
    case simulator
    case vllm, sglang, ollama
    case llamaCpp = "llama.cpp"

    /// The value of `owned_by` for each model in the response to `GET /v1/models`.
    var owner: String {
        switch self {
        case .simulator, .vllm, .sglang: rawValue
        case .llamaCpp: "llamacpp"
        case .ollama: "library"
        }
    }
}
