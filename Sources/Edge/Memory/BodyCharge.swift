// The memory of a request body that the scan thread may still read after the body's exchange has ended.
internal import Synchronization
internal import Transport

/// Bytes that count against the memory budget until the last reference to this object is released.
///
/// The exchange holds one reference. The scan thread's job for the body holds another one, from the time at which the
/// job is queued until the body is scanned.
final class BodyCharge: Sendable {
    private let budget: MemoryBudget
    private let charged = Atomic<Int>(0)

    init(budget: MemoryBudget) { self.budget = budget }

    deinit {
        let bytes = charged.load(ordering: .relaxed)
        if bytes > 0 { budget.giveBack(bytes, of: .bodies) }
    }

    /// Takes over the charge for bytes that the budget counts already, but that no connection's account counts.
    ///
    /// This object gives the bytes back to the budget when it is released.
    func adopt(_ bytes: Int) { charged.wrappingAdd(bytes, ordering: .relaxed) }
}
