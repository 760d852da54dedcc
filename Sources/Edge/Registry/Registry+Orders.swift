// Makes executors obey the operator's commands `drain`, `weight` and `resume`, even executors that are made later.
internal import Routing
internal import Transport

extension Registry {
    /// Carries out an operator's command, such as `drain`, for all executors of an engine or of one model at an engine.
    ///
    /// The command also applies to executors of earlier configurations. When this function returns, no attempt that the
    /// command forbids can begin any more.
    func give(_ action: OrderAction, to target: ExecutorOrders.Target, at now: Nanoseconds) {
        orders.give(action, to: target)
        for executor in executors where ExecutorOrders.covers(target.url, name: executor.name) {
            applyOrders(to: executor, at: now)
        }
    }

    /// Makes an executor obey the operator's commands in force, which may drain it or replace its weight.
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
