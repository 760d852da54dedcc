// What one connection holds of the process's memory. Accounts count; what lies above them decides how much one may hold.

/// What memory is held for: request bodies have a part of the whole for themselves.
package enum MemoryUse: Sendable {
    case bodies
    /// Everything else: streams, heads, answers, output.
    case streams
    /// More room for output than a stream needs at least: what is admitted later goes before it.
    case shares
}

/// Grants memory to accounts.
///
/// Reached by all workers; asked once in `MemoryAccount.grain` bytes, not with each charge.
package protocol MemorySource: AnyObject, Sendable {
    /// Grants `bytes` more to an account that was granted `held` bytes for this use; false, and nothing granted, when
    /// there is no room or the account would have more than its part.
    func grant(_ bytes: Int, beyond held: Int, for use: MemoryUse, isTrusted: Bool) -> Bool
    /// Counts `bytes` that are held already, whatever is left.
    func take(_ bytes: Int)
    func giveBack(_ bytes: Int, of use: MemoryUse)
}

/// The memory that one connection makes this process hold.
///
/// Charges are counted here, by the byte, on the connection's own thread. The source is asked for grants of whole
/// grains, so that a short request or a token touches nothing that other threads use. The counts are private with
/// accessors, so that the compiler sees every access and leaves the check of exclusive access out (decision 0024).
package final class MemoryAccount {
    /// The step in which the source is asked, in bytes.
    package static let grain = 16 << 10

    private let source: (any MemorySource)?
    private let isTrusted: Bool
    /// Granted before the account began, and given back by whoever made it.
    private let prepaid: Int
    private var granted: Int
    private var isClosed = false
    private var charged: Int
    private var chargedBodies = 0

    /// - Parameters:
    ///   - source: nil where nothing is limited, as in tools and tests.
    ///   - prepaid: bytes that the source has granted already.
    ///   - held: what the connection itself costs, of those.
    ///   - isTrusted: the connection carries the requests of many users.
    package init(source: (any MemorySource)? = nil, prepaid: Int = 0, held: Int = 0, isTrusted: Bool = false) {
        self.source = source
        self.prepaid = prepaid
        charged = held
        self.isTrusted = isTrusted
        granted = prepaid
    }

    deinit { close() }

    /// Bytes charged for streams, heads, answers and output.
    package var held: Int { charged }
    /// Bytes charged for request bodies.
    package var bodies: Int { chargedBodies }

    // MARK: Streams

    /// Charges `bytes`; false, and nothing charged, when the connection may not hold as much.
    ///
    /// - Parameter use: `.streams` or `.shares`.
    package func charge(_ bytes: Int, for use: MemoryUse = .streams) -> Bool {
        guard !isClosed else { return true }
        let missing = charged + bytes - granted
        if missing > 0, let source {
            let grant = Self.grains(missing)
            guard source.grant(grant, beyond: granted, for: use, isTrusted: isTrusted) else { return false }
            granted += grant
        }
        charged += bytes
        return true
    }

    /// Charges `bytes` that are there already and cannot be refused any more.
    package func take(_ bytes: Int) {
        guard !isClosed else { return }
        charged += bytes
        let missing = charged - granted
        guard missing > 0, let source else { return }
        let grant = Self.grains(missing)
        source.take(grant)
        granted += grant
    }

    package func release(_ bytes: Int) {
        guard !isClosed else { return }
        charged -= bytes
        assert(charged >= 0, "more is given back than was charged")
        // One or two grains stay, or a connection at the edge of one would ask again with each request.
        guard granted - charged > 3 * Self.grain, granted > prepaid, let source else { return }
        let spare = min(granted - charged - Self.grain, granted - prepaid) / Self.grain * Self.grain
        guard spare > 0 else { return }
        granted -= spare
        source.giveBack(spare, of: .streams)
    }

    private static func grains(_ bytes: Int) -> Int { (bytes + grain - 1) / grain * grain }

    // MARK: Bodies

    /// Charges `bytes` of request bodies; false, and nothing charged, when there is no room for them.
    package func chargeBody(_ bytes: Int) -> Bool {
        guard !isClosed, let source else { return true }
        guard source.grant(bytes, beyond: chargedBodies, for: .bodies, isTrusted: isTrusted) else { return false }
        chargedBodies += bytes
        return true
    }

    package func releaseBody(_ bytes: Int) {
        guard forgetBody(bytes) > 0 else { return }
        source?.giveBack(bytes, of: .bodies)
    }

    /// Another holder gives the bytes of a body back to the source, when it has done with the body.
    ///
    /// - Returns: how many bytes it is to give back; 0 when the account was closed before.
    package func forgetBody(_ bytes: Int) -> Int {
        guard !isClosed, source != nil else { return 0 }
        chargedBodies -= bytes
        assert(chargedBodies >= 0, "more is given back than was charged")
        return bytes
    }

    // MARK: The end

    /// Gives everything back; what is charged or given back after that counts nothing.
    package func close() {
        guard !isClosed else { return }
        isClosed = true
        if granted > prepaid { source?.giveBack(granted - prepaid, of: .streams) }
        if chargedBodies > 0 { source?.giveBack(chargedBodies, of: .bodies) }
        (granted, charged, chargedBodies) = (prepaid, 0, 0)
    }
}

/// One item of an account that changes its size: a buffer, a queue.
///
/// Whoever ends gives it back with `set(0, on:)`.
package struct MemoryCharge {
    package private(set) var bytes = 0

    package init() {}

    /// Makes the item weigh `size` bytes, which are there already.
    package mutating func set(_ size: Int, on account: MemoryAccount) {
        if size > bytes { account.take(size - bytes) } else if size < bytes { account.release(bytes - size) }
        bytes = size
    }

    /// Makes the item weigh `size` bytes if the account may hold as much; false, and nothing changed, when not.
    package mutating func grow(to size: Int, on account: MemoryAccount, for use: MemoryUse = .streams) -> Bool {
        if size > bytes {
            guard account.charge(size - bytes, for: use) else { return false }
            bytes = size
        }
        return true
    }
}
