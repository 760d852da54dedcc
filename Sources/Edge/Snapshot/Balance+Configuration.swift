// Converts the setting `balance` to the balancing of a pool.
internal import Configuration
internal import Routing

extension Balance {
    /// The balancing that a model's setting `balance` names.
    init(_ setting: ModelSettings.Balance) {
        self =
            switch setting {
            case .leastLoad: .leastLoad
            case .roundRobin: .roundRobin
            case .weighted: .weighted
            }
    }
}
