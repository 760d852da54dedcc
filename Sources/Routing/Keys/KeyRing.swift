// The keys in force at one moment, among which the key of a request is found.
package import Transport

/// The keys in force at one moment; immutable, and shared by all threads.
package final class KeyRing: Sendable {
    /// A key and what its bearer uses.
    package struct Entry: Sendable {
        /// What the key allows.
        package let key: AccessKey
        /// What its bearer uses; later rings go on with the same object.
        package let use: KeyUse
    }

    /// The use of a key that is not in force any more, in case the key comes back.
    ///
    /// Otherwise its limits would start anew if a file of keys were removed and put back.
    private struct Departed: Sendable {
        var id: String
        var hash: [UInt8]
        var use: KeyUse
        var since: Nanoseconds

        /// How long the use is kept, in nanoseconds: after this time the whole of its limits a minute is available
        /// again.
        static let keptFor: Nanoseconds = 120_000_000_000

        func isKept(at now: Nanoseconds) -> Bool { use.running > 0 || now < since + Self.keptFor }
    }

    /// The keys by the first eight bytes of their hash; without the secret nobody can make keys whose hashes collide.
    private let entries: [UInt64: [Entry]]
    private let departed: [Departed]
    /// A hash to compare with if no key's hash begins with the same eight bytes, so that the time of a search does not
    /// show whether one does.
    private let nobody = [UInt8](repeating: 0, count: HMACSHA256.count)

    /// A ring of `keys`, each of which goes on with the use that `previous` has for it.
    ///
    /// A key is found in `previous` by its hash or else by its id, even if it was not in force there any more.
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

    /// The number of keys that are not in force any more and whose use is kept.
    package var departedCount: Int { departed.count }

    /// All keys, expired and revoked ones among them, in no order.
    package var all: [Entry] { entries.values.flatMap(\.self) }

    /// What the ring knows about the key of a request.
    package enum Found: Sendable {
        case inForce(Entry)
        /// With the id of the key.
        case revoked(String), expired(String)
        case unknown
    }

    /// The key with this hash that has neither expired at `seconds` since 1970 nor been revoked.
    package func find(_ hash: [UInt8], at seconds: Int) -> Entry? {
        if case .inForce(let entry) = look(for: hash, at: seconds) { return entry }
        return nil
    }

    /// What the ring knows about the key with this hash at `seconds` since 1970.
    ///
    /// It takes the same time for a valid, a revoked, an expired and an unknown key.
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
