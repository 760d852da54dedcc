// How much memory there is, and how much of it one connection may hold: the policy behind every account.
internal import Configuration
internal import Synchronization
package import Transport

/// Bytes charged against `memory_limit`, by all workers.
///
/// What one connection may hold depends on what is free (a dynamic threshold: Choudhury and Hahne, 1998), and becomes
/// smaller faster than that: so any number of connections that take all they may, one after the other, and give nothing
/// back, leave something for the others. Touched a few times an exchange, never once a token.
package final class MemoryBudget: MemorySource {
    /// What each connection is charged when it is accepted: its TLS, nghttp2's session and this server's own state, and
    /// room for a few small requests.
    package static var connectionCharge: Int { Configuration.connectionChargeBytes }
    /// The part of it that a connection costs that has no request.
    package static let connectionCost = 32 << 10
    /// What any connection may hold, of streams and of bodies, while eight times as much is free, in bytes.
    static let connectionMin = 128 << 10
    /// The least share of an exchange, in bytes.
    package static let shareMin = 16 << 10
    /// How much of what is free one connection may hold: of one user, of many users, and of bodies.
    ///
    /// Bodies cost their sender as many bytes as us, and one has to fit that is half as large as the budget.
    private static let factor = 0.25, trustedFactor = 1.0, bodyFactor = 8.0

    package let limit: Int
    private let charged = Atomic<Int>(0)
    private let bodies = Atomic<Int>(0)
    private let shares = Atomic<Int>(0)
    private let holders = Atomic<Int>(0)

    package init(limit: Int) { self.limit = limit }

    /// Bytes charged at this moment, those granted to accounts in advance among them.
    package var used: Int { charged.load(ordering: .relaxed) }

    // MARK: The whole

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

    // MARK: Accounts

    package func grant(_ bytes: Int, beyond held: Int, for use: MemoryUse, isTrusted: Bool) -> Bool {
        switch use {
        case .streams, .shares:
            let part = Self.part(isTrusted ? Self.trustedFactor : Self.factor, ofFree: limit - used - bytes, of: limit)
            // Large shares of early exchanges leave room for the exchanges that come after them.
            let most = use == .shares ? part / 2 : part
            return held + bytes <= most && reserve(bytes)
        case .bodies: return grantBody(bytes, beyond: held)
        }
    }

    /// What one connection may hold of `whole` bytes when `free` of them are left after it.
    ///
    /// Of connections that hold all they may, `n` leave `1 / (1 + n * factor)` of the whole.
    private static func part(_ factor: Double, ofFree free: Int, of whole: Int) -> Int {
        guard free > 0 else { return 0 }
        let part = factor * Double(free) * (Double(free) / Double(whole))
        return max(Int(min(part, Double(whole))), min(connectionMin, free / 8))
    }

    package func take(_ bytes: Int) { charged.wrappingAdd(bytes, ordering: .relaxed) }

    package func giveBack(_ bytes: Int, of use: MemoryUse) {
        if use == .bodies { bodies.wrappingSubtract(bytes, ordering: .relaxed) }
        release(bytes)
    }

    // MARK: Bodies

    /// Bodies have three quarters of the budget: however many come slowly, connections still find room.
    private var bodiesMax: Int { limit / 4 * 3 }

    /// The largest body that a connection could ever hold, in bytes: seven tenths of what all bodies have.
    package var bodyMax: Int { bodiesMax / 10 * 7 }

    private func grantBody(_ bytes: Int, beyond held: Int) -> Bool {
        guard bytes <= bodiesMax else { return false }
        let after = bodies.wrappingAdd(bytes, ordering: .relaxed).newValue
        let most = Self.part(Self.bodyFactor, ofFree: bodiesMax - after, of: bodiesMax)
        if held + bytes <= most, reserve(bytes) { return true }
        bodies.wrappingSubtract(bytes, ordering: .relaxed)
        return false
    }

    // MARK: Shares

    /// An exchange begins to buffer: what it may buffer is its share of what is left, at most `most` and at least 16
    /// KiB, which it was charged before its body was read.
    ///
    /// Shares have a quarter of the budget: however many exchanges come early and take all that they may, connections
    /// still find room. The share is not charged here: the account of the connection is, which may refuse the part beyond
    /// 16 KiB.
    package func enter(most: Int) -> Int {
        let sharers = holders.wrappingAdd(1, ordering: .relaxed).newValue
        let left = max(0, min(limit - used, limit / 4 - shares.load(ordering: .relaxed)))
        let share = max(Self.shareMin, min(most, left / sharers))
        shares.wrappingAdd(share, ordering: .relaxed)
        return share
    }

    /// The share of an exchange becomes smaller, since its connection may not hold as much.
    package func shrink(share: Int, to smaller: Int) { shares.wrappingSubtract(share - smaller, ordering: .relaxed) }

    package func leave(share: Int) {
        holders.wrappingSubtract(1, ordering: .relaxed)
        shares.wrappingSubtract(share, ordering: .relaxed)
    }
}
