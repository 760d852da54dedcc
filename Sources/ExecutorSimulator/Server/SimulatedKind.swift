// The engine that the simulator poses as.

/// The engine whose list of models and metrics the simulator has.
package enum SimulatedKind: String, Sendable, CaseIterable {
    /// The simulator says that it is a simulator, and has the metrics of vLLM.
    case simulator
    case vllm, sglang, ollama
    case llamaCpp = "llama.cpp"

    /// The owner of the models in the list of models.
    var owner: String {
        switch self {
        case .simulator, .vllm, .sglang: rawValue
        case .llamaCpp: "llamacpp"
        case .ollama: "library"
        }
    }
}
