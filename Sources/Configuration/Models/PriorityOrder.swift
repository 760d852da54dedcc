// How the edge tells the priority class of a request to an engine that schedules requests by priority.
package import Routing

/// Whether an engine serves requests with low or with high values of the JSON member `priority` first.
package enum PriorityOrder: String, Sendable, CaseIterable {
    /// Requests with lower values are served first, as by vLLM.
    case lowestFirst = "lowest-first"
    /// Requests with higher values are served first, as by SGLang.
    case highestFirst = "highest-first"

    /// The distance between the values of two neighbouring classes.
    ///
    /// SGLang interrupts a running request for one whose value is better by more than 10. So an interactive request
    /// interrupts only bulk requests.
    private static let step = 10

    /// The value of `priority` for a class; 0 for the class `standard`.
    package func value(of priority: PriorityClass) -> Int {
        let steps = priority.rank - PriorityClass.standard.rank
        return self == .lowestFirst ? steps * Self.step : -steps * Self.step
    }
}

/// Whether the edge tells an engine the priority class of a request, in the JSON member `priority`, and by which
/// values.
package enum PrioritySetting: Sendable, Equatable {
    /// The edge sends no member `priority` to the engine.
    case off
    /// The edge sends the member `priority` if the engine is of a kind that schedules requests by it.
    ///
    /// The kind also tells whether the engine serves requests with low or with high values first.
    case byKind
    /// The edge sends the member `priority`; the configuration tells whether the engine serves low or high values
    /// first.
    case order(PriorityOrder)
}

extension ExecutorSettings.Kind {
    /// Whether engines of this kind serve low or high values of `priority` first; nil if they do not schedule by it.
    ///
    /// An engine of an unknown kind is treated like vLLM.
    package var priorityOrder: PriorityOrder? {
        switch self {
        case .vllm, .auto: .lowestFirst
        case .sglang: .highestFirst
        case .ollama, .openai, .anthropic, .llamaCpp: nil
        }
    }
}

extension ConfigurationSection {
    /// Reads the setting `priority` of an executor: `true`, `false`, or whether the engine serves low or high values
    /// first.
    func read(_ key: String, _ target: inout PrioritySetting, of kind: ExecutorSettings.Kind) {
        let expected = "true, false, \(PriorityOrder.allCases.map(\.rawValue).joined(separator: " or "))"
        guard let scalar = scalar(key, expecting: expected) else { return }
        switch scalar.text {
        case "false": target = .off
        case "true" where kind.priorityOrder == nil:
            reject(scalar, key, "engines of kind \(kind.rawValue) do not schedule by a priority of requests")
        case "true": target = .byKind
        default:
            guard let order = PriorityOrder(rawValue: scalar.text) else {
                return reject(scalar, key, "expected \(expected)")
            }
            target = .order(order)
        }
    }
}
