// The one budget above every buffer of the process (design.md, Memory).
internal import Synchronization

/// Bytes charged against `memory_limit`, by all workers.
///
/// Touched a few times an exchange, never once a token.
package final class MemoryBudget: Sendable {
    package let limit: Int
    private let charged = Atomic<Int>(0)
    private let holders = Atomic<Int>(0)

    package init(limit: Int) { self.limit = limit }

    package var used: Int { charged.load(ordering: .relaxed) }

    /// Charges `bytes`; false, and nothing charged, when the limit would be passed.
    package func reserve(_ bytes: Int) -> Bool {
        // A content-length may be anything: what is beyond the limit alone is never added.
        guard bytes <= limit else { return false }
        let after = charged.wrappingAdd(bytes, ordering: .relaxed).newValue
        guard after > limit else { return true }
        charged.wrappingSubtract(bytes, ordering: .relaxed)
        return false
    }

    package func release(_ bytes: Int) { charged.wrappingSubtract(bytes, ordering: .relaxed) }

    /// An exchange begins to hold a buffer: its share is what is left, divided by those that hold one.
    package func enter() { holders.wrappingAdd(1, ordering: .relaxed) }
    package func leave() { holders.wrappingSubtract(1, ordering: .relaxed) }

    /// How many bytes an exchange may buffer: at most `most`, at least 16 KiB.
    package func share(most: Int) -> Int {
        let left = max(0, limit - used)
        return max(16 << 10, min(most, left / max(1, holders.load(ordering: .relaxed))))
    }
}
