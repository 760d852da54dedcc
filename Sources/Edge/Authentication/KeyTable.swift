// The API keys in force, which the thread that watches their store replaces while workers read them.
internal import Routing
internal import Transport

/// The keys of one store under one secret.
///
/// Any thread may use it. It outlives a configuration: while a reload leaves the store and its secret as they are, the
/// next snapshot has the same table.
package final class KeyTable: Sendable {
    /// The hash of keys under the secret of the store.
    let hash: HMACSHA256
    private let ring: Lock<KeyRing>

    /// A table in which no key is in force before `publish`.
    ///
    /// - Parameter previous: the table that this one replaces: its keys go on with what they have used.
    init(hash: HMACSHA256, after previous: KeyTable? = nil) {
        self.hash = hash
        ring = Lock(KeyRing(previous?.current.all.map(\.key) ?? [], after: previous?.current))
    }

    /// The keys at this moment.
    var current: KeyRing { ring.withLock { $0 } }

    /// Replaces the keys in force; called by one thread at a time.
    ///
    /// - Parameter now: the monotonic time in nanoseconds. The use of a removed key is kept for a while, so that it does
    ///   not get new limits by coming back.
    func publish(_ keys: [AccessKey], at now: Nanoseconds) {
        // There is one publisher, so that the ring that is replaced is the one that was read.
        let next = KeyRing(keys, after: current, at: now)
        ring.withLock { $0 = next }
    }
}
