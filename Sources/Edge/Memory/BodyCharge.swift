// The memory of a request body that the scan thread may still read after the body's exchange has ended.
internal import Synchronization
internal import Transport

/// Bytes that count against the memory budget until the last reference to this object is released.
///
/// The exchange holds one reference, and the scan thread holds another one while it scans the body.
final class BodyCharge: Sendable {
    private let budget: MemoryBudget
    private let charged = Atomic<Int>(0)

    init(budget: MemoryBudget) { self.budget = budget }

    deinit {
        let bytes = charged.load(ordering: .relaxed)
        if bytes > 0 { budget.giveBack(bytes, of: .bodies) }
    }

    /// Adds bytes that were counted for the client's connection before; the caller stops counting them there.
    func adopt(_ bytes: Int) { charged.wrappingAdd(bytes, ordering: .relaxed) }
}
