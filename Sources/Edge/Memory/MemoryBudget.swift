// The memory of the process, and the rule that says how much of it one connection may hold.
internal import Configuration
internal import Synchronization
package import Transport

/// The bytes charged against `memory_limit` by all workers together.
///
/// What one connection may hold depends on what is free, as a dynamic threshold (Choudhury and Hahne, 1998), but it
/// shrinks faster than the free memory. Any number of connections may therefore take all that they may, one after the
/// other, and give nothing back: they leave some memory for the others. Any thread may charge memory; an exchange does
/// so a few times, and never for a token.
package final class MemoryBudget: MemorySource {
    /// What each connection is charged when it is accepted, in bytes: TLS, nghttp2's session, this server's own state,
    /// and room for a few small requests.
    package static var connectionCharge: Int { Configuration.connectionChargeBytes }
    /// The part of `connectionCharge` that a connection without a request uses, in bytes.
    package static let connectionCost = 32 << 10
    /// What every connection may hold in bytes, of streams and of bodies each, while eight times as much is free.
    static let connectionMin = 128 << 10
    /// The least share of an exchange (`enter`), in bytes.
    package static let shareMin = 16 << 10
    /// The factors of `part`: for a connection of one user, for a trusted connection of many users, and for bodies.
    ///
    /// The factor of bodies is large because a sender has to send every byte that it is charged here, and because a
    /// body of half the budget has to fit.
    private static let factor = 0.25, trustedFactor = 1.0, bodyFactor = 8.0

    private let most: Atomic<Int>
    private let charged = Atomic<Int>(0)
    /// The part of `charged` that is for request bodies.
    private let bodies = Atomic<Int>(0)
    /// The shares of all exchanges, in bytes.
    private let shares = Atomic<Int>(0)
    /// The number of exchanges that have a share.
    private let holders = Atomic<Int>(0)

    /// - Parameter limit: `memory_limit`, in bytes.
    package init(limit: Int) { most = Atomic(limit) }

    /// `memory_limit`, in bytes; a reload may change it.
    package var limit: Int { most.load(ordering: .relaxed) }

    /// Changes the limit.
    ///
    /// - Returns: false, and nothing changed, where more than the new limit is used at this moment.
    package func setLimit(_ bytes: Int) -> Bool {
        guard used <= bytes else { return false }
        most.store(bytes, ordering: .relaxed)
        return true
    }

    /// The bytes charged at this moment, with those that accounts have been granted in advance.
    package var used: Int { charged.load(ordering: .relaxed) }

    // MARK: The whole

    /// Charges `bytes`; if that would exceed the limit, charges nothing and returns false.
    package func reserve(_ bytes: Int) -> Bool {
        // A content-length may be any number, so that adding it might overflow.
        guard bytes <= limit else { return false }
        let after = charged.wrappingAdd(bytes, ordering: .relaxed).newValue
        guard after > limit else { return true }
        charged.wrappingSubtract(bytes, ordering: .relaxed)
        return false
    }

    /// Gives back what `reserve` has charged.
    package func release(_ bytes: Int) { charged.wrappingSubtract(bytes, ordering: .relaxed) }

    // MARK: Accounts

    /// Charges `bytes` to an account if the rule allows its connection that much; otherwise charges nothing and returns
    /// false.
    ///
    /// - Parameters:
    ///   - held: what the connection holds already for this use, in bytes.
    ///   - isTrusted: whether the connection comes from a trusted proxy and carries requests of many users.
    package func grant(_ bytes: Int, beyond held: Int, for use: MemoryUse, isTrusted: Bool) -> Bool {
        switch use {
        case .streams, .shares:
            let part = Self.part(isTrusted ? Self.trustedFactor : Self.factor, ofFree: limit - used - bytes, of: limit)
            // Early exchanges get large shares: half of what the connection may hold is left for later ones.
            let most = use == .shares ? part / 2 : part
            return held + bytes <= most && reserve(bytes)
        case .bodies: return grantBody(bytes, beyond: held)
        }
    }

    /// What one connection may hold of `whole` bytes if `free` of them are left afterwards.
    ///
    /// If `n` connections hold all that they may, `1 / (1 + n * factor)` of the whole is left.
    private static func part(_ factor: Double, ofFree free: Int, of whole: Int) -> Int {
        guard free > 0 else { return 0 }
        let part = factor * Double(free) * (Double(free) / Double(whole))
        return max(Int(min(part, Double(whole))), min(connectionMin, free / 8))
    }

    /// Charges `bytes` even if that exceeds the limit.
    package func take(_ bytes: Int) { charged.wrappingAdd(bytes, ordering: .relaxed) }

    /// Gives back what an account was granted, or has taken.
    package func giveBack(_ bytes: Int, of use: MemoryUse) {
        if use == .bodies { bodies.wrappingSubtract(bytes, ordering: .relaxed) }
        release(bytes)
    }

    // MARK: Bodies

    /// What all bodies together may take, in bytes: three quarters, so that many slow bodies leave room for
    /// connections.
    private var bodiesMax: Int { limit / 4 * 3 }

    /// The largest body that a connection can ever hold, in bytes: seven tenths of what all bodies together may take.
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

    /// Gives an exchange its share: how much of its response may be buffered, in bytes.
    ///
    /// The share is an equal part of what is left, at most `most` and at least 16 KiB. All shares together have a
    /// quarter of the budget, so that early exchanges leave room for connections. The caller charges the share to the
    /// account of the connection, which may refuse all but the 16 KiB that were charged before the body was read.
    package func enter(most: Int) -> Int {
        let sharers = holders.wrappingAdd(1, ordering: .relaxed).newValue
        let left = max(0, min(limit - used, limit / 4 - shares.load(ordering: .relaxed)))
        let share = max(Self.shareMin, min(most, left / sharers))
        shares.wrappingAdd(share, ordering: .relaxed)
        return share
    }

    /// Makes the share of an exchange smaller, if its connection may not hold that much.
    package func shrink(share: Int, to smaller: Int) { shares.wrappingSubtract(share - smaller, ordering: .relaxed) }

    /// Gives back the share of an exchange that has ended.
    package func leave(share: Int) {
        holders.wrappingSubtract(1, ordering: .relaxed)
        shares.wrappingSubtract(share, ordering: .relaxed)
    }
}
