// How a pool balances, from the word in the configuration.
internal import Configuration
internal import Routing

extension Balance {
    /// The balancing that a model's `balance` names.
    init(_ setting: ModelSettings.Balance) {
        self =
            switch setting {
            case .leastLoad: .leastLoad
            case .roundRobin: .roundRobin
            case .weighted: .weighted
            }
    }
}
