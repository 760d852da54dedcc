// What is charged for a body that another thread is decoding, until its exchange has it.
internal import Synchronization
internal import Transport

/// Goes to the exchange with the body; whoever drops it gives the charge back.
package final class BodyHold: Sendable {
    private let budget: MemoryBudget
    private let held = Atomic<Int>(0)

    init(budget: MemoryBudget) { self.budget = budget }

    deinit { release() }

    /// Charges the body at `footprint` bytes in all; false, and nothing changed, when there is no room.
    func grow(to footprint: Int) -> Bool {
        let more = footprint - held.load(ordering: .relaxed)
        guard more > 0 else { return true }
        guard budget.reserve(more) else { return false }
        held.wrappingAdd(more, ordering: .relaxed)
        return true
    }

    /// It is charged elsewhere from here on.
    func release() {
        let bytes = held.exchange(0, ordering: .relaxed)
        if bytes > 0 { budget.release(bytes) }
    }
}
