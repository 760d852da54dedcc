// What the processes of an upgrade share about engines and executors: counts of attempts, and the operator's orders.
internal import Routing
internal import Transport

extension Registry {
    /// From now on, publishes to the other processes of an upgrade how many attempts this process has at each engine
    /// and executor.
    ///
    /// The limits of engines and executors are then compared with the sums over all processes, also for engines and
    /// executors that the registry makes later. Workers may begin and end attempts during this call, and these are
    /// counted too.
    ///
    /// - Parameter counts: the table that the processes share; nil ends the sharing.
    func share(in counts: SharedCounts?) {
        sharedCounts = counts
        for engine in engines { engine.share(in: counts) }
        for executor in executors { executor.share(in: counts) }
    }

    /// Gives free slots of all engines to waiting requests.
    ///
    /// While several processes share the limits of engines, `CountSharing` calls this function every 20 ms, because no
    /// event reports that another process has freed a slot. An engine for which no request waits costs almost nothing.
    func pump(at now: Nanoseconds) { for engine in engines { engine.pump(at: now) } }

    /// Replaces the operator's orders about executors, such as drains and weights, by those of another process, and
    /// applies them.
    func restore(_ orders: ExecutorOrders, at now: Nanoseconds) {
        self.orders = orders
        for executor in executors { applyOrders(to: executor, at: now) }
    }
}
