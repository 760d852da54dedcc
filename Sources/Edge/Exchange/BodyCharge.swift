// What a request body is charged against the budget, for as long as anything holds the body.
internal import Synchronization
internal import Transport

/// Held by the exchange, and by the scan of its body on another thread: the last to let go gives the charge back.
final class BodyCharge: Sendable {
    private let budget: MemoryBudget
    private let charged = Atomic<Int>(0)

    init(budget: MemoryBudget) { self.budget = budget }

    deinit { budget.releaseBody(charged.load(ordering: .relaxed)) }

    var bytes: Int { charged.load(ordering: .relaxed) }

    /// False, and nothing charged, when there is no room.
    func add(_ bytes: Int) -> Bool {
        guard budget.reserveBody(bytes) else { return false }
        charged.wrappingAdd(bytes, ordering: .relaxed)
        return true
    }
}
