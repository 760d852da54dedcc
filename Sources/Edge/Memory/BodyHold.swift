// Reserves memory for a request body while the scan thread decodes it. The reservation lasts until the exchange charges
// the decoded body to the account of its client's connection.
internal import Synchronization
internal import Transport

/// A charge against the memory budget that grows while the scan thread decodes a body.
///
/// The scan thread passes the charge to the exchange together with the decoded body.
///
/// Used by one thread at a time. The charge ends when `release` is called, or when the last reference is released.
package final class BodyHold: Sendable {
    private let budget: MemoryBudget
    private let held = Atomic<Int>(0)

    init(budget: MemoryBudget) { self.budget = budget }

    deinit { release() }

    /// Raises the charge to `footprint` bytes in all; if there is no memory, changes nothing and returns false.
    func grow(to footprint: Int) -> Bool {
        let more = footprint - held.load(ordering: .relaxed)
        guard more > 0 else { return true }
        guard budget.reserve(more) else { return false }
        held.wrappingAdd(more, ordering: .relaxed)
        return true
    }

    /// Gives the charged memory back to the budget, just before the body is charged to the connection's account.
    ///
    /// The function may be called more than once.
    func release() {
        let bytes = held.exchange(0, ordering: .relaxed)
        if bytes > 0 { budget.release(bytes) }
    }
}
