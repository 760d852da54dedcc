// The API keys in force, which the thread that watches their store replaces while workers read them.
internal import Routing
internal import Transport

/// The API keys of one store, which are hashed with one secret.
///
/// Any thread may use a table. A table outlives a configuration: if a reload changes neither the store nor its secret,
/// the next snapshot has the same table.
package final class KeyTable: Sendable {
    /// The HMAC by which keys are looked up; it is keyed with the secret of the store.
    let hash: HMACSHA256
    private let ring: Lock<KeyRing>
    /// Where this process publishes how many exchanges each key has under way; nil while it shares the counts with no
    /// other process.
    ///
    /// The lock is also held while a new ring is made, so that no key is missed when sharing begins. Only two threads
    /// take this lock: the control thread, and the thread that watches the store.
    private let publishing: Lock<SharedCounts?>

    /// Makes a table; without `previous` no key is in force before `publish`.
    ///
    /// - Parameter previous: the table that the new one replaces. The new table begins with the keys of `previous` and
    ///   with the requests and tokens that count against their limits.
    init(hash: HMACSHA256, after previous: KeyTable? = nil) {
        self.hash = hash
        ring = Lock(KeyRing(previous?.current.all.map(\.key) ?? [], after: previous?.current))
        publishing = Lock(nil)
    }

    /// The keys that are in force now.
    var current: KeyRing { ring.withLock { $0 } }

    /// Replaces the keys in force; called by one thread at a time.
    ///
    /// - Parameter now: the monotonic time in nanoseconds. What a removed key has used of its limits is kept for a
    ///   while, so that a key that is removed and added again does not start from zero.
    func publish(_ keys: [AccessKey], at now: Nanoseconds) {
        publishing.withLock { counts in
            // Only one thread publishes, so `ring` cannot change between the read of `current` and the write below.
            let next = KeyRing(keys, after: current, at: now)
            if counts != nil { next.share(in: counts) }
            ring.withLock { $0 = next }
        }
    }

    /// Publishes in `counts`, from now on, how many exchanges each key has under way, including keys that are added
    /// later; if `counts` is nil, publishes nothing any more.
    func share(in counts: SharedCounts?) {
        publishing.withLock { shared in
            shared = counts
            current.share(in: counts)
        }
    }
}
