// Converts a model's setting `balance` to the rule by which the model's pool chooses an executor.
internal import Configuration
internal import Routing

extension Balance {
    /// The rule for choosing an executor that a model's setting `balance` names.
    init(_ setting: ModelSettings.Balance) {
        self =
            switch setting {
            case .auto: .auto
            case .leastLoad: .leastLoad
            case .prefix: .prefix
            case .roundRobin: .roundRobin
            case .weighted: .weighted
            }
    }
}
