// Accounting of the memory that one connection holds. Accounts count; a `MemorySource` decides how much one may hold.

/// The uses of memory; request bodies have a part of the whole for themselves.
package enum MemoryUse: Sendable {
    /// Request bodies.
    case bodies
    /// Everything else: streams, heads, answers, output.
    case streams
    /// Output buffers beyond the minimum of a stream; new streams have precedence over them.
    case shares
}

/// Grants memory to accounts.
///
/// All workers use it; accounts ask it once for each `MemoryAccount.grain` bytes, and not with each charge.
package protocol MemorySource: AnyObject, Sendable {
    /// Grants `bytes` more to an account that was granted `held` bytes for this use; false, and nothing granted, when
    /// there is no room or the account would have more than its part.
    func grant(_ bytes: Int, beyond held: Int, for use: MemoryUse, isTrusted: Bool) -> Bool
    /// Counts `bytes` that are held already, whatever is left.
    func take(_ bytes: Int)
    /// Returns bytes that were granted for this use, or taken.
    func giveBack(_ bytes: Int, of use: MemoryUse)
}

/// The memory that one connection makes this process hold.
///
/// Confined to the thread of the connection. Charges are counted here, by the byte; the source is asked for whole
/// grains, so that a short request or a token touches no memory that other threads use. The counts are private with
/// accessors: then the compiler sees every access and omits the runtime check of exclusive access (decision 0024).
package final class MemoryAccount {
    /// The unit in which the source grants memory, in bytes.
    package static let grain = 16 << 10

    private let source: (any MemorySource)?
    private let isTrusted: Bool
    /// Bytes granted before the account was made; its creator returns them.
    private let prepaid: Int
    private var granted: Int
    private var isClosed = false
    private var charged: Int
    private var chargedBodies = 0

    /// Opens an account.
    ///
    /// - Parameters:
    ///   - source: what grants the memory; nil if there is no limit, as in tools and tests.
    ///   - prepaid: bytes that the source has granted already.
    ///   - held: the cost of the connection itself, in bytes, which is part of `prepaid`.
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

    /// Charges `bytes` that are allocated already and cannot be refused.
    package func take(_ bytes: Int) {
        guard !isClosed else { return }
        charged += bytes
        let missing = charged - granted
        guard missing > 0, let source else { return }
        let grant = Self.grains(missing)
        source.take(grant)
        granted += grant
    }

    /// Returns bytes that were charged by `charge` or `take`.
    package func release(_ bytes: Int) {
        guard !isClosed else { return }
        charged -= bytes
        assert(charged >= 0, "more is given back than was charged")
        // One or two spare grains are kept: otherwise a connection that needs a little more than its grains would ask
        // the source with each request.
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

    /// Returns bytes that were charged by `chargeBody`.
    package func releaseBody(_ bytes: Int) {
        guard forgetBody(bytes) > 0 else { return }
        source?.giveBack(bytes, of: .bodies)
    }

    /// Hands the duty to return the bytes of a body to the source over to the caller.
    ///
    /// - Returns: how many bytes the caller must return; 0 when the account was closed before.
    package func forgetBody(_ bytes: Int) -> Int {
        guard !isClosed, source != nil else { return 0 }
        chargedBodies -= bytes
        assert(chargedBodies >= 0, "more is given back than was charged")
        return bytes
    }

    // MARK: The end

    /// Returns everything to the source; later charges and releases have no effect.
    package func close() {
        guard !isClosed else { return }
        isClosed = true
        if granted > prepaid { source?.giveBack(granted - prepaid, of: .streams) }
        if chargedBodies > 0 { source?.giveBack(chargedBodies, of: .bodies) }
        (granted, charged, chargedBodies) = (prepaid, 0, 0)
    }
}

/// The charge of one item that changes its size, such as a buffer or a queue.
///
/// The owner of the item returns the charge with `set(0, on:)`.
package struct MemoryCharge {
    /// The bytes charged now.
    package private(set) var bytes = 0

    package init() {}

    /// Sets the charge to `size` bytes, which are allocated already.
    package mutating func set(_ size: Int, on account: MemoryAccount) {
        if size > bytes { account.take(size - bytes) } else if size < bytes { account.release(bytes - size) }
        bytes = size
    }

    /// Raises the charge to `size` bytes if the account may hold them; returns false, and changes nothing, otherwise.
    package mutating func grow(to size: Int, on account: MemoryAccount, for use: MemoryUse = .streams) -> Bool {
        if size > bytes {
            guard account.charge(size - bytes, for: use) else { return false }
            bytes = size
        }
        return true
    }
}
