// Counts the memory that one connection uses. A `MemorySource` decides how much memory each connection may use.

/// Counts the memory that the process holds for one connection.
///
/// Confined to the thread of the connection. The account counts every byte, but asks the memory source for memory
/// only in multiples of `grain`, except for request bodies. So the thread usually writes no memory that other threads
/// use when it handles a token or a request without a body.
///
/// The stored counts are private, because the compiler then sees every access and omits Swift's runtime check of
/// exclusive access (docs/decisions/0024-exclusivity-is-checked-in-release-builds.md).
package final class MemoryAccount {
    /// An account asks its `source` for memory in multiples of this size, in bytes, except for request bodies.
    package static let grain = 16 << 10

    private let source: (any MemorySource)?
    private let isTrusted: Bool
    /// The number of bytes that the memory source granted before the account was made.
    ///
    /// The account does not give these bytes back, because its creator does.
    private let prepaid: Int
    private var granted: Int
    /// The part of `granted` that `take` has counted at the memory source without asking for a grant, because the bytes
    /// were allocated already.
    private var taken = 0
    private var isClosed = false
    private var charged: Int
    private var chargedBodies = 0

    /// Opens an account.
    ///
    /// - Parameters:
    ///   - source: decides how much memory the account may charge; nil for no limit, as in tools and tests.
    ///   - prepaid: how many bytes the source has granted already.
    ///   - held: the cost of the connection itself, in bytes; a part of `prepaid`.
    ///   - isTrusted: whether the connection comes from a trusted proxy, and so carries the requests of many users.
    package init(source: (any MemorySource)? = nil, prepaid: Int = 0, held: Int = 0, isTrusted: Bool = false) {
        self.source = source
        self.prepaid = prepaid
        charged = held
        self.isTrusted = isTrusted
        granted = prepaid
    }

    deinit { close() }

    /// How many bytes are charged for everything except request bodies.
    package var held: Int { charged }
    /// How many bytes are charged for request bodies.
    package var bodies: Int { chargedBodies }

    // MARK: Streams

    /// Charges `bytes` if the connection may hold them.
    ///
    /// - Parameter use: `.streams` or `.shares`.
    /// - Returns: false, and charges nothing, if the source refuses.
    package func charge(_ bytes: Int, for use: MemoryUse = .streams) -> Bool {
        guard !isClosed else { return true }
        // The function `take` has counted bytes at the memory source, but the source has not granted them. The account
        // first gives these bytes back. It then asks the source to grant them together with the new ones.
        if taken > 0 { returnTaken(all: true) }
        let missing = charged + bytes - granted
        if missing > 0, let source {
            let grant = Self.grains(missing)
            guard source.grant(grant, beyond: granted, for: use, isTrusted: isTrusted) else {
                take(0)
                return false
            }
            granted += grant
        }
        charged += bytes
        return true
    }

    /// Charges `bytes` that are allocated already, so that the memory source cannot refuse them.
    package func take(_ bytes: Int) {
        guard !isClosed else { return }
        charged += bytes
        let missing = charged - granted
        guard missing > 0, let source else { return }
        let grant = Self.grains(missing)
        source.take(grant)
        granted += grant
        taken += grant
    }

    /// Gives back bytes that `charge` or `take` has charged.
    package func release(_ bytes: Int) {
        guard !isClosed else { return }
        charged -= bytes
        assert(charged >= 0, "more is given back than was charged")
        if taken > 0 { returnTaken() }
        // The account keeps up to three times `grain` of unused memory before it returns any. Otherwise a connection
        // whose need varies a little would ask the memory source again for each request.
        guard granted - charged > 3 * Self.grain, granted > prepaid, let source else { return }
        let spare = min(granted - charged - Self.grain, granted - prepaid) / Self.grain * Self.grain
        guard spare > 0 else { return }
        granted -= spare
        source.giveBack(spare, of: .streams)
    }

    /// Gives back memory that `take` has counted at the memory source without asking for a grant.
    ///
    /// If the account kept this memory, later charges could use it although the source never granted it. Many
    /// connections together would then hold more than the source allows.
    ///
    /// - Parameter all: whether to give back even memory that is in use; the caller must then ask for a grant of it.
    private func returnTaken(all: Bool = false) {
        guard let source else { return }
        let bytes = all ? taken : min(granted - charged, taken) / Self.grain * Self.grain
        guard bytes > 0 else { return }
        granted -= bytes
        taken -= bytes
        source.giveBack(bytes, of: .streams)
    }

    private static func grains(_ bytes: Int) -> Int { (bytes + grain - 1) / grain * grain }

    // MARK: Bodies

    /// Charges `bytes` for request bodies.
    ///
    /// - Parameter use: `.bodies`, `.waitingBody`, `.wholeBody` or `.lastBody`.
    /// - Returns: false, and charges nothing, if the source refuses.
    package func chargeBody(_ bytes: Int, for use: MemoryUse = .bodies) -> Bool {
        guard !isClosed, let source else { return true }
        guard source.grant(bytes, beyond: chargedBodies, for: use, isTrusted: isTrusted) else { return false }
        chargedBodies += bytes
        return true
    }

    /// Gives back bytes that `chargeBody` has charged.
    package func releaseBody(_ bytes: Int) {
        guard forgetBody(bytes) > 0 else { return }
        source?.giveBack(bytes, of: .bodies)
    }

    /// Stops counting `bytes` of a request body in this account.
    ///
    /// The memory source still counts these bytes until the caller gives them back (`MemorySource.giveBack`).
    ///
    /// - Returns: how many bytes the caller must give back; 0 if the account is closed or has no source.
    package func forgetBody(_ bytes: Int) -> Int {
        guard !isClosed, source != nil else { return 0 }
        chargedBodies -= bytes
        assert(chargedBodies >= 0, "more is given back than was charged")
        return bytes
    }

    // MARK: The end

    /// Gives all memory back to the memory source, except `prepaid`, which the account's creator gives back.
    ///
    /// Later charges and releases have no effect.
    package func close() {
        guard !isClosed else { return }
        isClosed = true
        if granted > prepaid { source?.giveBack(granted - prepaid, of: .streams) }
        if chargedBodies > 0 { source?.giveBack(chargedBodies, of: .bodies) }
        (granted, taken, charged, chargedBodies) = (prepaid, 0, 0, 0)
    }
}
