// How an engine that schedules by priority is told the priority class of a request.
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

    /// The value for a class; 0 for the class `standard`.
    package func value(of priority: PriorityClass) -> Int {
        let steps = priority.rank - PriorityClass.standard.rank
        return self == .lowestFirst ? steps * Self.step : -steps * Self.step
    }
}

/// Whether an engine is told the priority class of a request, and by which values of the JSON member `priority`.
package enum PrioritySetting: Sendable, Equatable {
    /// Requests have no member `priority`.
    case off
    /// The kind of the engine decides the order of the values.
    case byKind
    /// The engine has this order, whatever its kind is.
    case order(PriorityOrder)
}

extension ExecutorSettings.Kind {
    /// The order of engines of this kind; nil if they do not schedule by a member `priority`.
    ///
    /// An engine of an unknown kind counts as an engine with vLLM's order.
    package var priorityOrder: PriorityOrder? {
        switch self {
        case .vllm, .auto: .lowestFirst
        case .sglang: .highestFirst
        case .ollama, .openai, .anthropic, .llamaCpp: nil
        }
    }
}

extension ConfigurationSection {
    /// Reads `priority` of an executor: `true`, `false`, or the order of the engine.
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
