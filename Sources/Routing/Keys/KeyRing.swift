// All API keys after one reading of the key store, and the function that finds the key of a request.
package import Transport

/// All API keys after one reading of the key store, including expired and revoked keys; immutable, and shared by all
/// threads.
///
/// Whenever the keys change, a new ring replaces this one.
package final class KeyRing: Sendable {
    /// An API key, and how much of its limits is used.
    package struct Entry: Sendable {
        /// The stored form of the key.
        package let key: AccessKey
        /// How much of the key's limits is used.
        ///
        /// When the key store is read again and still has the key, the new ring refers to the same object.
        package let use: KeyUse
    }

    /// A key that was removed from the key store, with a count of how much of its limits it has used.
    ///
    /// The ring keeps this record for some time, in case the key comes back. Without it, all counts would start anew
    /// when an operator removes a key file and puts it back.
    private struct Departed: Sendable {
        var id: String
        var hash: [UInt8]
        var use: KeyUse
        var since: Nanoseconds

        /// How long the record of a removed key is kept, in nanoseconds.
        ///
        /// After this time, all limits per minute are fully available again, so there is nothing to remember.
        static let keptFor: Nanoseconds = 120_000_000_000

        func isKept(at now: Nanoseconds) -> Bool { use.running > 0 || now < since + Self.keptFor }
    }

    /// The keys by the first eight bytes of their hashes.
    ///
    /// Each array is short, because only someone who knows the server's secret could make keys whose hashes collide.
    private let entries: [UInt64: [Entry]]
    private let departed: [Departed]
    /// The hash to compare with if no key's hash begins with the same eight bytes as the hash that is looked up.
    ///
    /// Without this comparison, the time of a lookup would reveal whether there is such a key.
    private let nobody = [UInt8](repeating: 0, count: HMACSHA256.count)

    /// Makes a ring (a table) of `keys`; what a key has used of its limits is taken over from the ring `previous`.
    ///
    /// A key is found in `previous` by its hash, or else by its id. The search includes the removed keys that
    /// `previous` remembers.
    package init(_ keys: [AccessKey] = [], after previous: KeyRing? = nil, at now: Nanoseconds = 0) {
        var known = previous?.departed ?? []
        known += previous?.all.map { Departed(id: $0.key.id, hash: $0.key.hash, use: $0.use, since: now) } ?? []
        let byHash = Dictionary(known.enumerated().map { ($1.hash, $0) }, uniquingKeysWith: { $1 })
        let byID = Dictionary(known.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { $1 })
        var taken = Set(keys.compactMap { byHash[$0.hash] })
        var entries: [UInt64: [Entry]] = [:]
        for key in keys {
            var index = byHash[key.hash]
            if index == nil, let other = byID[key.id], taken.insert(other).inserted { index = other }
            let use = index.map { known[$0].use } ?? KeyUse()
            entries[Self.bucket(of: key.hash), default: []].append(Entry(key: key, use: use))
        }
        self.entries = entries
        departed = known.enumerated().filter { !taken.contains($0) && $1.isKept(at: now) }.map(\.element)
    }

    /// The number of removed keys for which the ring still remembers how much of their limits they have used.
    package var departedCount: Int { departed.count }

    /// All keys in no particular order, including expired and revoked keys.
    package var all: [Entry] { entries.values.flatMap(\.self) }

    /// From now on, publishes to the other server processes of an upgrade how many exchanges each key has under way.
    ///
    /// The removed keys that the ring remembers are included. If `counts` is nil, nothing is published any more. See
    /// `KeyUse.share`.
    package func share(in counts: SharedCounts?) {
        let all = all
        let ids = Set(all.map(\.key.id))
        // `counts` has one row for each key id. A key whose id has changed writes its count to the row of the new id,
        // and 0 to the row of the old id. If two keys have swapped their ids, this 0 can overwrite the count that the
        // other key has just written to the same row. So a second pass writes all counts once more.
        for _ in 0..<2 {
            for entry in all { entry.use.share(in: counts, as: Self.identity(entry.key.id)) }
            for key in departed {
                let other = ids.contains(key.id) ? "\0" + Hexadecimal.text(key.hash) : ""
                key.use.share(in: counts, as: Self.identity(key.id) + other)
            }
        }
    }

    private static func identity(_ id: String) -> String { "key\0" + id }

    /// The result of looking up the key of a request.
    package enum Found: Sendable {
        case inForce(Entry)
        /// The key is revoked or has expired; the value is the id of the key.
        case revoked(String), expired(String)
        case unknown
    }

    /// The key with this hash; nil if there is none, or if it is revoked or has expired at `seconds` since 1970.
    package func find(_ hash: [UInt8], at seconds: Int) -> Entry? {
        if case .inForce(let entry) = look(for: hash, at: seconds) { return entry }
        return nil
    }

    /// Looks up the key with this hash, and checks whether it has expired at `seconds` since 1970.
    ///
    /// The lookup takes the same time for a valid, a revoked, an expired and an unknown key.
    package func look(for hash: [UInt8], at seconds: Int) -> Found {
        let candidates = entries[Self.bucket(of: hash)] ?? []
        var found: Entry?
        for candidate in candidates where HMACSHA256.isEqual(candidate.key.hash, hash) { found = candidate }
        if candidates.isEmpty { _ = HMACSHA256.isEqual(nobody, hash) }
        guard let found else { return .unknown }
        if found.key.isRevoked { return .revoked(found.key.id) }
        return found.key.isExpired(at: seconds) ? .expired(found.key.id) : .inForce(found)
    }

    private static func bucket(of hash: [UInt8]) -> UInt64 {
        hash.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}
