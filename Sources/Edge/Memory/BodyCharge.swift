// What is charged for a request body that another thread still reads when its exchange has let it go.
internal import Synchronization
internal import Transport

/// Held by the exchange, and by the scan of its body on another thread: the last to let go gives the charge back.
final class BodyCharge: Sendable {
    private let budget: MemoryBudget
    private let charged = Atomic<Int>(0)

    init(budget: MemoryBudget) { self.budget = budget }

    deinit {
        let bytes = charged.load(ordering: .relaxed)
        if bytes > 0 { budget.giveBack(bytes, of: .bodies) }
    }

    /// Takes over `bytes` that an account had charged for the body.
    func adopt(_ bytes: Int) { charged.wrappingAdd(bytes, ordering: .relaxed) }
}
