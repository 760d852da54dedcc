// The one budget above every buffer of the process (design.md, Memory).
internal import Synchronization

/// Bytes charged against `memory_limit`, by all workers.
///
/// Touched a few times an exchange, never once a token.
package final class MemoryBudget: Sendable {
    package let limit: Int
    private let charged = Atomic<Int>(0)
    private let bodies = Atomic<Int>(0)
    private let shares = Atomic<Int>(0)
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

    /// Charges a request body, or what reading it takes.
    ///
    /// Bodies have three quarters of the budget: however many come slowly, connections still find room.
    package func reserveBody(_ bytes: Int) -> Bool {
        let after = bodies.wrappingAdd(bytes, ordering: .relaxed).newValue
        if after <= limit / 4 * 3, reserve(bytes) { return true }
        bodies.wrappingSubtract(bytes, ordering: .relaxed)
        return false
    }

    package func releaseBody(_ bytes: Int) {
        bodies.wrappingSubtract(bytes, ordering: .relaxed)
        release(bytes)
    }

    /// An exchange begins to buffer: it is charged its share of what is left, at most `most` and at least 16 KiB, which
    /// it has even when nothing is left.
    ///
    /// Shares beyond that have a quarter of the budget: however many exchanges come early and take all that they may,
    /// connections still find room.
    package func enter(most: Int) -> Int {
        let sharers = holders.wrappingAdd(1, ordering: .relaxed).newValue
        let left = max(0, min(limit - used, limit / 4 - shares.load(ordering: .relaxed)))
        let share = max(Self.shareMin, min(most, left / sharers))
        shares.wrappingAdd(share, ordering: .relaxed)
        charged.wrappingAdd(share, ordering: .relaxed)
        return share
    }

    package func leave(share: Int) {
        holders.wrappingSubtract(1, ordering: .relaxed)
        shares.wrappingSubtract(share, ordering: .relaxed)
        release(share)
    }

    package static let shareMin = 16 << 10
}
