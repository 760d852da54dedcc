// What the operator has ordered for executors, by the URLs of their engines.
internal import Transport

/// What the operator can order for an executor.
package enum OrderAction: Equatable, Sendable {
    /// Take no new attempts.
    case drain
    /// Do as configured: ends every order; for a whole engine those for its models too.
    case resume
    /// Use this weight in place of the configured one; a drain stays in force.
    case weight(Int)
}

/// The orders in force; they outlive configurations, also those that do not name their URL, and end with the process.
///
/// An order for a whole engine holds for each of its models, beside that model's own order.
struct ExecutorOrders: Sendable {
    /// Whom an order is for.
    struct Target: Hashable, Sendable {
        /// The URL of the engine in its one form, as logs name it.
        let url: String
        /// The engine's name for the model; nil for the whole engine.
        let model: ExactText?

        init(url: String, model: String? = nil) {
            self.url = url
            self.model = model.map { ExactText($0) }
        }
    }

    /// What is ordered for one target.
    struct Order: Equatable, Sendable {
        var isDrained = false
        /// Nil for the configured weight.
        var weight: Int?
    }

    private var orders: [Target: Order] = [:]

    /// The orders in force, in the order of their URLs.
    var all: [(target: Target, order: Order)] {
        let sorted = orders.sorted {
            ($0.key.url, $0.key.model?.text ?? "") < ($1.key.url, $1.key.model?.text ?? "")
        }
        return sorted.map { ($0.key, $0.value) }
    }

    /// Changes the order for a target.
    mutating func give(_ action: OrderAction, to target: Target) {
        switch action {
        case .drain: orders[target, default: Order()].isDrained = true
        case .weight(let weight): orders[target, default: Order()].weight = weight
        case .resume where target.model == nil: orders = orders.filter { !Self.covers(target.url, name: $0.key.url) }
        case .resume: orders[target] = nil
        }
    }

    /// The order that holds for one model at an engine.
    ///
    /// The model is drained if it or its engine is, by the name of the engine or by its configured URL. The most
    /// specific weight holds.
    func effective(url: String, model: String) -> Order {
        let targets = [url, Self.configuredURL(ofName: url)].flatMap {
            [Target(url: $0, model: model), Target(url: $0)]
        }
        let found = targets.compactMap { orders[$0] }
        return Order(isDrained: found.contains(where: \.isDrained), weight: found.lazy.compactMap(\.weight).first)
    }

    // MARK: Addresses of a name

    /// The URL in the configuration of an engine with this name.
    ///
    /// The name of an engine that is one address of a host name is the URL followed by the address in parentheses.
    static func configuredURL(ofName name: String) -> String {
        // The path of a unix socket may contain a space, and has no addresses.
        name.hasPrefix("unix:") ? name : String(name.prefix { $0 != " " })
    }

    /// Whether an order for `url` is also for the engine with this name.
    static func covers(_ url: String, name: String) -> Bool { name == url || configuredURL(ofName: name) == url }
}
