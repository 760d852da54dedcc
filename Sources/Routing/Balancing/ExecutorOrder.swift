// What the operator has ordered for an executor while the process runs: to take no attempts, or another weight.
internal import Synchronization
package import Transport

/// An operator's order for one executor, which overrides its configured weight.
///
/// Written by the control thread, and read by all workers when they choose an executor.
final class ExecutorOrder: Sendable {
    /// The ordered weight, 0 if it is to take no attempts; -1 without an order.
    private let ordered = Atomic<Int>(-1)
    private let drained = Atomic<Bool>(false)
    /// When an order that kept it from attempts ended; 0 if none has.
    private let resumedAt = Atomic<Nanoseconds>(0)

    /// Whether it is drained: it takes no new attempts, and those under way go on to their ends.
    var isDrained: Bool { drained.load(ordering: .relaxed) }
    /// The weight that the operator has ordered; nil if the configured one holds.
    ///
    /// It is 0 while the executor is drained.
    var weight: Int? {
        let weight = ordered.load(ordering: .relaxed)
        return weight < 0 ? nil : weight
    }

    /// Replaces the order.
    ///
    /// - Parameters:
    ///   - weight: the ordered weight, at least 0; nil for the configured one.
    ///   - now: the time of the loops' clock, never 0. If the order before kept the executor from attempts, its share
    ///     grows slowly from now on.
    func set(drained isDrained: Bool, weight: Int?, at now: Nanoseconds) {
        let takesAttempts = !isDrained && weight != 0
        if self.weight == 0, takesAttempts { resumedAt.store(now, ordering: .relaxed) }
        drained.store(isDrained, ordering: .relaxed)
        ordered.store(isDrained ? 0 : weight ?? -1, ordering: .relaxed)
    }

    /// A share of 1, or less for a while after it was resumed.
    func share(at now: Nanoseconds) -> Double {
        let since = resumedAt.load(ordering: .relaxed)
        return since == 0 ? 1 : ExecutorHealth.share(healthySince: since, at: now)
    }
}

extension Executor {
    /// Whether the operator has drained it: it takes no new attempts, and those under way go on to their ends.
    package var isDrained: Bool { order.isDrained }
    /// The weight that the operator has ordered, 0 while it is drained; nil if the configured one holds.
    package var orderedWeight: Int? { order.weight }

    /// Applies an operator's order; from then on no attempt begins that the order forbids.
    ///
    /// Requests that wait are served if the order makes room for them.
    ///
    /// - Parameters:
    ///   - weight: replaces the configured weight; nil for the configured one.
    ///   - now: the time of the loops' clock.
    package func apply(drained: Bool, weight: Int?, at now: Nanoseconds) {
        // `begin` holds this lock while it checks the order and counts an attempt.
        engine.counting.withLock { _ in order.set(drained: drained, weight: weight, at: now) }
        engine.pump(at: now)
    }
}

extension PoolMember {
    /// Its share of the exchanges at the moment, relative to the other executors of the pool; with 0 it gets none.
    package var presentWeight: Int { executor.order.weight ?? weight }
    /// Whether it gets exchanges at the moment.
    var isInUse: Bool { presentWeight > 0 }
}
