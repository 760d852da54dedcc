// How much memory is charged for one item, such as a buffer.

/// The charge for one item whose size changes, such as a buffer or a queue.
///
/// The owner of the item must call `set(0, on:)` when the item is freed, to return the charge.
package struct MemoryCharge {
    /// How many bytes are charged at present.
    package private(set) var bytes = 0

    package init() {}

    /// Sets the charge to `size` bytes, which are allocated already.
    package mutating func set(_ size: Int, on account: MemoryAccount) {
        if size > bytes { account.take(size - bytes) } else if size < bytes { account.release(bytes - size) }
        bytes = size
    }

    /// Raises the charge to `size` bytes.
    ///
    /// - Returns: false, and changes nothing, if no memory is free or the account would exceed its limit.
    package mutating func grow(to size: Int, on account: MemoryAccount, for use: MemoryUse = .streams) -> Bool {
        if size > bytes {
            guard account.charge(size - bytes, for: use) else { return false }
            bytes = size
        }
        return true
    }
}
