// The orders that an operator gives for executors at runtime: to take no new attempts, or to use another weight.
internal import Transport

/// What the operator can order for an executor.
package enum OrderAction: Equatable, Sendable {
    /// Send no new attempts to the target.
    case drain
    /// Remove the operator's earlier orders for the target, so that the configuration applies again.
    ///
    /// If the target is a whole engine, the orders for each of its models are removed too.
    case resume
    /// Use this weight in place of the configured one; a drain stays in force.
    case weight(Int)
}

/// The operator's orders in force: which executors are drained, and which have another weight than the configured one.
///
/// An order lasts until the process ends, even while no configuration names its URL; an upgrade passes all orders on to
/// the successor. An order for a whole engine applies to each of its models, in addition to the model's own order.
struct ExecutorOrders: Equatable, Sendable {
    /// The engine, or the model at an engine, to which an order applies.
    struct Target: Hashable, Sendable {
        /// The URL of the engine in its normal form, as logs show it.
        let url: String
        /// The engine's name for the model; nil for the whole engine.
        let model: ExactText?

        init(url: String, model: String? = nil) {
            self.url = url
            self.model = model.map { ExactText($0) }
        }
    }

    /// The operator's order for one engine, or for one model at an engine.
    struct Order: Equatable, Sendable {
        var isDrained = false
        /// The weight that the operator has ordered; nil while the configured weight applies.
        var weight: Int?
    }

    private var orders: [Target: Order] = [:]

    /// The orders in force, sorted by URL and model.
    var all: [(target: Target, order: Order)] {
        let sorted = orders.sorted {
            ($0.key.url, $0.key.model?.text ?? "") < ($1.key.url, $1.key.model?.text ?? "")
        }
        return sorted.map { ($0.key, $0.value) }
    }

    /// Carries out the operator's command `drain`, `weight` or `resume` for an engine, or for one model at an engine.
    mutating func give(_ action: OrderAction, to target: Target) {
        switch action {
        case .drain: orders[target, default: Order()].isDrained = true
        case .weight(let weight): orders[target, default: Order()].weight = weight
        case .resume where target.model == nil: orders = orders.filter { !Self.covers(target.url, name: $0.key.url) }
        case .resume: orders[target] = nil
        }
    }

    /// Returns the order that applies to one model at an engine.
    ///
    /// The model is drained if its engine is drained. A weight that was ordered for the model takes precedence over a
    /// weight that was ordered for the engine.
    func effective(url: String, model: String) -> Order {
        let targets = [url, Self.configuredURL(ofName: url)].flatMap {
            [Target(url: $0, model: model), Target(url: $0)]
        }
        let found = targets.compactMap { orders[$0] }
        return Order(isDrained: found.contains(where: \.isDrained), weight: found.lazy.compactMap(\.weight).first)
    }

    // MARK: Addresses of a name

    /// The configured URL of the engine with this name.
    ///
    /// If an engine is one address of a host name, its name is the URL followed by the address in parentheses.
    static func configuredURL(ofName name: String) -> String {
        // The path of a unix socket may contain a space, and no address follows it.
        name.hasPrefix("unix:") ? name : String(name.prefix { $0 != " " })
    }

    /// Whether an operator's order for `url`, such as to drain the executors there, applies to the engine `name`.
    ///
    /// If each address of a host name is a separate engine, the name of such an engine is its URL followed by the
    /// address. An order for the URL alone applies to all these engines. Any other engine has its URL as its name.
    static func covers(_ url: String, name: String) -> Bool { name == url || configuredURL(ofName: name) == url }
}
