// Applies the operator's orders to the executors of the registry, including executors that the registry makes later.
internal import Routing
internal import Transport

extension Registry {
    /// Changes an order, and applies it to all executors of the target, including executors of earlier configurations.
    ///
    /// When this function returns, no attempt that the order forbids can begin any more.
    func give(_ action: OrderAction, to target: ExecutorOrders.Target, at now: Nanoseconds) {
        orders.give(action, to: target)
        for executor in executors where ExecutorOrders.covers(target.url, name: executor.name) {
            applyOrders(to: executor, at: now)
        }
    }

    /// Applies the orders in force to an executor.
    func applyOrders(to executor: Executor, at now: Nanoseconds) {
        let order = orders.effective(url: executor.name, model: executor.model)
        guard order.isDrained != executor.isDrained || order.presentWeight != executor.orderedWeight else { return }
        executor.apply(drained: order.isDrained, weight: order.weight, at: now)
    }
}

extension ExecutorOrders.Order {
    /// The weight to use in place of the configured one, 0 while the executor is drained; nil for the configured
    /// weight.
    fileprivate var presentWeight: Int? { isDrained ? 0 : weight }
}
