// The charge for a request body that the scan thread may still read after the body's exchange has ended.
internal import Synchronization
internal import Transport

/// A charge against the memory budget that is given back when the last reference to the charge is released.
///
/// The exchange and the scan thread's job for its body each hold a reference.
final class BodyCharge: Sendable {
    private let budget: MemoryBudget
    private let charged = Atomic<Int>(0)

    init(budget: MemoryBudget) { self.budget = budget }

    deinit {
        let bytes = charged.load(ordering: .relaxed)
        if bytes > 0 { budget.giveBack(bytes, of: .bodies) }
    }

    /// Takes over a charge of `bytes` from the account of the client's connection.
    func adopt(_ bytes: Int) { charged.wrappingAdd(bytes, ordering: .relaxed) }
}
