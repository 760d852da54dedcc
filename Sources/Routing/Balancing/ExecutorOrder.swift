// An order that an operator gives for an executor at runtime: to take no attempts, or to use another weight.
internal import Synchronization
package import Transport

/// An operator's order for one executor, which overrides its configured weight.
///
/// The control thread writes the order, and all workers read it when they choose an executor.
struct ExecutorOrder: ~Copyable, Sendable {
    /// The weight that the operator has ordered; 0 if the executor must take no attempts, -1 if there is no order.
    private let ordered = Atomic<Int>(-1)
    private let drained = Atomic<Bool>(false)
    /// When the operator last allowed attempts again after an order that allowed none; 0 if that has never happened.
    ///
    /// The time is by the clock of the event loops.
    private let resumedAt = Atomic<Nanoseconds>(0)

    /// Whether the executor is drained: it takes no new attempts, but finishes the attempts that are under way.
    var isDrained: Bool { drained.load(ordering: .relaxed) }
    /// The weight that the operator has ordered; nil while the configured weight applies.
    ///
    /// The value is 0 while the executor is drained.
    var weight: Int? {
        let weight = ordered.load(ordering: .relaxed)
        return weight < 0 ? nil : weight
    }

    /// Replaces the order.
    ///
    /// - Parameters:
    ///   - weight: the weight that the operator orders, at least 0; nil for the configured weight.
    ///   - now: the time by the clock of the event loops, never 0. If the earlier order allowed no attempts and the
    ///     new one allows them, the executor's share of attempts grows slowly from this time on.
    func set(drained isDrained: Bool, weight: Int?, at now: Nanoseconds) {
        let takesAttempts = !isDrained && weight != 0
        if self.weight == 0, takesAttempts { resumedAt.store(now, ordering: .relaxed) }
        drained.store(isDrained, ordering: .relaxed)
        ordered.store(isDrained ? 0 : weight ?? -1, ordering: .relaxed)
    }

    /// The factor by which the executor's weight is multiplied, normally 1.
    ///
    /// After the operator has allowed attempts again, the factor grows from a small value to 1, so that the load grows
    /// slowly.
    func share(at now: Nanoseconds) -> Double {
        let since = resumedAt.load(ordering: .relaxed)
        return since == 0 ? 1 : ExecutorHealth.share(healthySince: since, at: now)
    }
}

extension Executor {
    /// Whether the operator has drained the executor: it takes no new attempts, but finishes its present attempts.
    package var isDrained: Bool { order.isDrained }
    /// The weight that the operator has ordered, 0 while the executor is drained; nil while the configured weight
    /// applies.
    package var orderedWeight: Int? { order.weight }

    /// Applies an operator's order; after the call, no attempt begins that the order forbids.
    ///
    /// If the order makes the executor available, exchanges that wait in the queue may begin their attempts.
    ///
    /// - Parameters:
    ///   - weight: the weight that the executor gets in place of its configured weight; nil for the configured weight.
    ///   - now: the time by the clock of the event loops.
    package func apply(drained: Bool, weight: Int?, at now: Nanoseconds) {
        // `Executor.begin` holds this lock while it checks the order and counts an attempt. So no attempt can begin
        // under the earlier order after the new one is set.
        engine.counting.withLock { _ in order.set(drained: drained, weight: weight, at: now) }
        engine.pump(at: now)
    }
}

extension PoolMember {
    /// The present weight: the member gets exchanges in proportion to it, and none if it is 0.
    package var presentWeight: Int { executor.order.weight ?? weight }
    /// Whether the member may get exchanges, because its present weight is above 0.
    var isInUse: Bool { presentWeight > 0 }
}
