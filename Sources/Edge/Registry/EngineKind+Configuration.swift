// Converts between a configuration's `kind` and the kind of an engine in the registry.
internal import Configuration
internal import Routing

extension EngineKind {
    /// The kind that an executor's setting `kind` names; `unknown` for `auto`.
    init(_ setting: ExecutorSettings.Kind) {
        self =
            switch setting {
            case .auto: .unknown
            case .vllm: .vllm
            case .sglang: .sglang
            case .llamaCpp: .llamaCpp
            case .ollama: .ollama
            case .openai: .openai
            case .anthropic: .anthropic
            }
    }

    /// The value of the setting `kind` that names this kind; `auto` if the kind is unknown.
    var setting: ExecutorSettings.Kind {
        switch self {
        case .unknown: .auto
        case .vllm: .vllm
        case .sglang: .sglang
        case .llamaCpp: .llamaCpp
        case .ollama: .ollama
        case .openai: .openai
        case .anthropic: .anthropic
        }
    }
}

extension Engine {
    /// A text for the operator: which kind the engine's answers show now, or that they do not show it any more.
    var foundKindText: String {
        guard foundKind != .unknown else { return "its kind does not show any more" }
        return "its kind is \(foundKind.setting.rawValue), as it shows"
    }
}
