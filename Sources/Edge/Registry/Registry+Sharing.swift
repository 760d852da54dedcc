// Shares the counts of the registry's engines and executors with the other processes of an upgrade.
internal import Routing
internal import Transport

extension Registry {
    /// Publishes the attempts of all engines and executors in `counts` from now on, including those that the registry
    /// makes later, and compares limits with the sums over all processes; nil ends that.
    ///
    /// Attempts may begin and end on the workers meanwhile: `Engine.share` leaves none of them uncounted.
    func share(in counts: SharedCounts?) {
        sharedCounts = counts
        for engine in engines { engine.share(in: counts) }
        for executor in executors { executor.share(in: counts) }
    }

    /// Gives free slots of all engines to waiting requests.
    ///
    /// While several processes share their counts, this is called at short intervals, because no event reports a slot
    /// that another process has freed. An engine for which no request waits costs almost nothing.
    func pump(at now: Nanoseconds) { for engine in engines { engine.pump(at: now) } }

    /// Replaces all orders by those of another process, and applies them.
    func restore(_ orders: ExecutorOrders, at now: Nanoseconds) {
        self.orders = orders
        for executor in executors { applyOrders(to: executor, at: now) }
    }
}
