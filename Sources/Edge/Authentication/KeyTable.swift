// The API keys in force, which the thread that watches their store replaces while workers read them.
internal import Routing
internal import Transport

/// The API keys of one store, a database or a YAML file, which are hashed with one secret.
///
/// Any thread may use a table. If a reload of the configuration changes neither the store nor its secret, the table
/// stays in use.
package final class KeyTable: Sendable {
    /// The keyed hash function (HMAC) that turns the API key of a request into the hash by which the table finds it.
    ///
    /// The secret of the store is the key of the HMAC.
    let hash: HMACSHA256
    private let ring: Lock<KeyRing>
    /// Memory that is shared with other processes during an upgrade; nil if there are none.
    ///
    /// Here, this process publishes how many exchanges each key has under way.
    ///
    /// The lock is also held while the keys are replaced, so that no key is missed when publishing begins. Only two
    /// threads take this lock: the control thread, and the thread that watches the store.
    private let publishing: Lock<SharedCounts?>

    /// Makes a table; if `previous` is nil, no key is in force before `publish`.
    ///
    /// - Parameter previous: the table that the new table replaces. The new table begins with the same keys, and with
    ///   the same counts of requests and tokens against their limits.
    init(hash: HMACSHA256, after previous: KeyTable? = nil) {
        self.hash = hash
        ring = Lock(KeyRing(previous?.current.all.map(\.key) ?? [], after: previous?.current))
        publishing = Lock(nil)
    }

    /// The keys that are in force now.
    var current: KeyRing { ring.withLock { $0 } }

    /// Replaces the keys in force; called by one thread at a time.
    ///
    /// - Parameter now: the monotonic time in nanoseconds. The requests and tokens counted for a removed key are kept
    ///   for a while, so that a key that is removed and added again does not start from zero.
    func publish(_ keys: [AccessKey], at now: Nanoseconds) {
        publishing.withLock { counts in
            // Only one thread publishes, so `ring` cannot change between the read of `current` and the write below.
            let next = KeyRing(keys, after: current, at: now)
            if counts != nil { next.share(in: counts) }
            ring.withLock { $0 = next }
        }
    }

    /// From now on, publishes to the other server processes of an upgrade how many exchanges each key has under way.
    ///
    /// Keys that are added later are included.
    ///
    /// - Parameter counts: the memory that the processes share; nil ends the publishing.
    func share(in counts: SharedCounts?) {
        publishing.withLock { shared in
            shared = counts
            current.share(in: counts)
        }
    }
}
