// The memory budget of the process, and the rule that limits how much memory one connection may hold.
internal import Configuration
internal import Synchronization
internal import Routing
package import Transport

/// The bytes charged against `memory_limit` by all workers together.
///
/// The limit of one connection depends on the free memory, like a dynamic threshold (Choudhury and Hahne, 1998), but it
/// shrinks faster than the free memory. Even if a large number of connections use all of their limits, some memory
/// stays free for other connections.
///
/// Any thread may charge memory. An exchange charges memory a few times, and never for each token.
package final class MemoryBudget: MemorySource, PlacementMemory {
    /// What each connection is charged when it is accepted, in bytes: TLS, nghttp2's session, this server's own state,
    /// and a few small requests.
    package static var connectionCharge: Int { Configuration.connectionChargeBytes }
    /// The part of `connectionCharge` that a connection without a request uses, in bytes.
    package static let connectionCost = 32 << 10
    /// The smallest number of bytes that `part` lets a connection hold for streams, and as many again for bodies.
    ///
    /// `part` lets it hold fewer only while fewer than eight times this number of bytes are free.
    static let connectionMin = 128 << 10
    /// Every exchange may buffer at least this many bytes of its response; see `enter`.
    package static let shareMin = 16 << 10
    /// The factors by which `part` computes the limit of one connection from the free memory.
    ///
    /// `factor` is for a connection of one user. `trustedFactor` is for a connection from a trusted proxy, which
    /// carries requests of many users. `bodyFactor` is for request bodies, and for the pieces of bodies that wait for
    /// memory. It is large, because a client has to send every byte that is charged for a body, and because one
    /// connection must be able to hold a body of half the budget.
    private static let factor = 0.25, trustedFactor = 1.0, bodyFactor = 8.0

    private let most: Atomic<Int>
    private let charged = Atomic<Int>(0)
    /// The bytes that other processes have charged during an upgrade; 0 if there are no other processes.
    private let elsewhere = Atomic<Int>(0)
    /// The part of `charged` that is for request bodies.
    private let bodies = Atomic<Int>(0)
    /// The part of `charged` that is for pieces of request bodies that have arrived while the body waits for memory.
    private let heldBack = Atomic<Int>(0)
    /// How many bytes of their responses all exchanges together may buffer: the sum of what `enter` has allowed each of
    /// them.
    private let shares = Atomic<Int>(0)
    /// The number of exchanges that `enter` has allowed to buffer a part of their response.
    private let holders = Atomic<Int>(0)

    /// - Parameter limit: `memory_limit`, in bytes.
    package init(limit: Int) { most = Atomic(limit) }

    /// `memory_limit`, in bytes; a reload may change it.
    package var limit: Int { most.load(ordering: .relaxed) }

    /// Changes the limit.
    ///
    /// - Returns: false if more memory than the new limit is in use; the limit is then unchanged.
    package func setLimit(_ bytes: Int) -> Bool {
        guard used <= bytes else { return false }
        most.store(bytes, ordering: .relaxed)
        return true
    }

    /// The bytes charged at this moment.
    ///
    /// The number includes bytes that connections have been charged in advance and do not use yet.
    package var used: Int { charged.load(ordering: .relaxed) }

    /// The bytes charged by this process and by the other processes of an upgrade.
    private var usedInAll: Int { used + elsewhere.load(ordering: .relaxed) }

    /// Sets how many bytes the other processes of an upgrade have charged; this process may charge only the rest of the
    /// limit.
    package func setUsedElsewhere(_ bytes: Int) { elsewhere.store(min(max(0, bytes), 1 << 50), ordering: .relaxed) }

    // MARK: The whole

    /// Charges `bytes`; if fewer than `spare` bytes of the limit would stay free, charges nothing and returns false.
    ///
    /// - Parameter spare: how many bytes of the limit have to stay free.
    package func reserve(_ bytes: Int, leaving spare: Int = 0) -> Bool {
        let most = limit - spare
        // A content-length may be any number, so adding it to `charged` might overflow.
        guard bytes <= most else { return false }
        let after = charged.wrappingAdd(bytes, ordering: .relaxed).newValue
        guard after + elsewhere.load(ordering: .relaxed) > most else { return true }
        charged.wrappingSubtract(bytes, ordering: .relaxed)
        return false
    }

    /// Charges `bytes` for a map of the prompts that executors have in their caches.
    ///
    /// If less than a quarter of the limit would stay free, charges nothing and returns false.
    package func reservePlacement(_ bytes: Int) -> Bool { reserve(bytes, leaving: limit / 4) }

    /// Gives back bytes that `reserve` has charged.
    package func release(_ bytes: Int) { charged.wrappingSubtract(bytes, ordering: .relaxed) }

    // MARK: Accounts

    /// Charges `bytes` for a connection.
    ///
    /// If the connection may not hold that many more bytes, charges nothing and returns false.
    ///
    /// - Parameters:
    ///   - held: the bytes that the connection already holds for this use.
    ///   - isTrusted: whether the connection comes from a trusted proxy and carries requests of many users.
    package func grant(_ bytes: Int, beyond held: Int, for use: MemoryUse, isTrusted: Bool) -> Bool {
        switch use {
        case .streams, .shares:
            let part = Self.part(
                isTrusted ? Self.trustedFactor : Self.factor,
                ofFree: limit - usedInAll - bytes,
                of: limit
            )
            // Buffered response bytes may take only half of what a connection may hold. The first exchanges of a
            // connection may buffer much, and the other half is left for its later exchanges.
            let most = use == .shares ? part / 2 : part
            return held + bytes <= most && reserve(bytes)
        case .bodies: return !(bodiesWait && isFullOfBodies) && grantBody(bytes, beyond: held)
        case .waitingBody: return grantBody(bytes, beyond: held)
        case .wholeBody: return grantBody(bytes, beyond: held, upTo: limit / 16 * 13, leaving: spareOfSmallBodies)
        case .lastBody: return grantBody(bytes, beyond: held, upTo: limit / 8 * 7, leaving: spareOfBodies / 2)
        }
    }

    /// How many bytes one connection, or one body that waits for memory, may hold out of `whole`.
    ///
    /// If `n` connections in turn take all that they may hold, about `1 / (1 + n * factor)` of `whole` stays free.
    ///
    /// - Parameters:
    ///   - factor: `factor`, `trustedFactor` or `bodyFactor`; the result is higher for a higher factor.
    ///   - free: how many bytes of `whole` stay free after the charge.
    ///   - whole: the limit for everything, for all bodies, or for the pieces of all waiting bodies.
    private static func part(_ factor: Double, ofFree free: Int, of whole: Int) -> Int {
        guard free > 0 else { return 0 }
        let part = factor * Double(free) * (Double(free) / Double(whole))
        return max(Int(min(part, Double(whole))), min(connectionMin, free / 8))
    }

    /// Charges `bytes`, even if more than the limit is then charged.
    package func take(_ bytes: Int) { charged.wrappingAdd(bytes, ordering: .relaxed) }

    /// Gives back bytes that `grant` or `take` has charged for a connection.
    package func giveBack(_ bytes: Int, of use: MemoryUse) {
        if use == .bodies { bodies.wrappingSubtract(bytes, ordering: .relaxed) }
        release(bytes)
    }

    // MARK: Bodies

    /// The largest number of bytes that all request bodies together may take: three quarters of the limit.
    ///
    /// The last quarter stays free for connections, even while many clients send bodies slowly.
    private var bodiesMax: Int { limit / 4 * 3 }

    /// How many bytes of the whole limit must stay free after a charge for a request body.
    ///
    /// With the free bytes, requests on open connections can begin and be answered. `bodiesMax`, three quarters of the
    /// limit, does not keep these bytes free, because connections may take more than the last quarter.
    private var spareOfBodies: Int { limit / 16 }

    /// How many bytes of the whole limit must stay free after a charge for a small body that has arrived completely.
    ///
    /// The number is smaller than for other bodies, because a small body soon gives its memory back. A hundred
    /// connections, each with as many streams as it may have, leave about a sixty-fourth of the limit free. Small
    /// requests of other clients must still be served then.
    private var spareOfSmallBodies: Int { limit / 512 }

    /// The largest request body that one connection can hold, in bytes.
    ///
    /// The size is seven tenths of `bodiesMax`: what the function `part` allows a connection while no other connection
    /// has a body.
    package var bodyMax: Int { bodiesMax / 10 * 7 }

    /// Whether request bodies take more than three quarters of what they may take together, or less than an eighth of
    /// the limit is free.
    ///
    /// One connection alone cannot take so much. If the result is false and a connection gets no memory for a body, the
    /// connection itself already holds too much.
    var isFullOfBodies: Bool { bodies.load(ordering: .relaxed) > bodiesMax / 4 * 3 || used > limit / 8 * 7 }

    /// Whether any request body waits for memory.
    private var bodiesWait: Bool { heldBack.load(ordering: .relaxed) > 0 }

    private func grantBody(_ bytes: Int, beyond held: Int) -> Bool {
        guard bytes <= bodiesMax else { return false }
        let after = bodies.wrappingAdd(bytes, ordering: .relaxed).newValue
        let most = Self.part(Self.bodyFactor, ofFree: bodiesMax - after, of: bodiesMax)
        if held + bytes <= most, reserve(bytes, leaving: spareOfBodies) { return true }
        bodies.wrappingSubtract(bytes, ordering: .relaxed)
        return false
    }

    /// Charges `bytes` for a request body that may take memory beyond `bodiesMax`, the limit for all bodies together.
    ///
    /// The connection of the body may also hold more bytes of bodies than its usual limit, which `part` computes from
    /// the memory that is free for bodies, but never more than `bodyMax`.
    ///
    /// - Parameters:
    ///   - most: the largest number of bytes that all bodies together may take after this charge.
    ///   - spare: how many bytes of the whole limit have to stay free.
    private func grantBody(_ bytes: Int, beyond held: Int, upTo most: Int, leaving spare: Int) -> Bool {
        guard bytes <= bodyMax, held + bytes <= bodyMax else { return false }
        let after = bodies.wrappingAdd(bytes, ordering: .relaxed).newValue
        if after <= most, reserve(bytes, leaving: spare) { return true }
        bodies.wrappingSubtract(bytes, ordering: .relaxed)
        return false
    }

    /// Charges `bytes` of a request body that are allocated already, even if that exceeds the limit.
    func takeBody(_ bytes: Int) {
        bodies.wrappingAdd(bytes, ordering: .relaxed)
        take(bytes)
    }

    /// Charges `bytes` for pieces of a request body that have arrived while the body waits for memory.
    ///
    /// If there is no memory, charges nothing and returns false. The pieces of all waiting bodies together may take a
    /// sixteenth of the limit, and `part` decides how much of this sixteenth one body may take. The more bytes wait,
    /// the more of the limit has to stay free. For the first pieces, only `spareOfSmallBodies` has to stay free, so
    /// that a small body can arrive completely.
    ///
    /// - Parameter held: the bytes that are already charged for pieces of the same body.
    func holdBack(_ bytes: Int, beyond held: Int) -> Bool {
        let most = limit / 16
        let after = heldBack.wrappingAdd(bytes, ordering: .relaxed).newValue
        if held + bytes <= Self.part(Self.bodyFactor, ofFree: most - after, of: most),
            reserve(bytes, leaving: min(spareOfBodies / 2, spareOfSmallBodies + 2 * after))
        {
            return true
        }
        heldBack.wrappingSubtract(bytes, ordering: .relaxed)
        return false
    }

    /// Gives back bytes that `holdBack` has charged for pieces of a waiting body.
    func releaseHeldBack(_ bytes: Int) {
        guard bytes > 0 else { return }
        heldBack.wrappingSubtract(bytes, ordering: .relaxed)
        release(bytes)
    }

    // MARK: Shares

    /// Decides how many bytes of its response an exchange may buffer: its share of the free memory.
    ///
    /// The share is the free memory divided by the number of exchanges that have a share, but at most `most`.
    /// Shares are taken from a quarter of the limit, and the rest is left for connections and bodies. An exchange gets
    /// at least 16 KiB, even if earlier shares have used up this quarter.
    ///
    /// The caller charges the share to the account of the connection. If the connection may not hold that much, the
    /// caller lowers the share to 16 KiB with `shrink`.
    package func enter(most: Int) -> Int {
        let sharers = holders.wrappingAdd(1, ordering: .relaxed).newValue
        let left = max(0, min(limit - usedInAll, limit / 4 - shares.load(ordering: .relaxed)))
        let share = max(Self.shareMin, min(most, left / sharers))
        shares.wrappingAdd(share, ordering: .relaxed)
        return share
    }

    /// Lowers the number of response bytes that an exchange may buffer, because its connection may not hold that many.
    package func shrink(share: Int, to smaller: Int) { shares.wrappingSubtract(share - smaller, ordering: .relaxed) }

    /// Removes the share of an exchange that has ended from the sum of all shares.
    ///
    /// A share is the number of response bytes that `enter` allowed an exchange to buffer.
    package func leave(share: Int) {
        holders.wrappingSubtract(1, ordering: .relaxed)
        shares.wrappingSubtract(share, ordering: .relaxed)
    }
}
