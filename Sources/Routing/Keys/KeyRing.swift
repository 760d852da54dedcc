// The keys in force: a snapshot that never changes, and finds who is asking.
internal import Transport

package final class KeyRing: Sendable {
    package struct Entry: Sendable {
        package let key: AccessKey
        package let use: KeyUse
    }

    /// By the first eight bytes of their hash, which nobody can choose without the secret.
    private let entries: [UInt64: [Entry]]
    /// Compared with where there is nothing to compare with.
    private let nobody = [UInt8](repeating: 0, count: KeyedHash.count)

    /// What a key has used it goes on having used: taken from `previous`, by its id.
    package init(_ keys: [AccessKey] = [], after previous: KeyRing? = nil) {
        var uses: [String: KeyUse] = [:]
        for entry in previous?.all ?? [] { uses[entry.key.id] = entry.use }
        var entries: [UInt64: [Entry]] = [:]
        for key in keys {
            entries[Self.place(of: key.hash), default: []].append(Entry(key: key, use: uses[key.id] ?? KeyUse()))
        }
        self.entries = entries
    }

    package var all: [Entry] { entries.values.flatMap(\.self) }

    /// What there is of a key that is given.
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

    /// The key with this hash, as it is at `seconds` since 1970.
    ///
    /// Takes the same time whether there is none, or an expired one.
    package func look(for hash: [UInt8], at seconds: Int) -> Found {
        let candidates = entries[Self.place(of: hash)] ?? []
        var found: Entry?
        for candidate in candidates where KeyedHash.isEqual(candidate.key.hash, hash) { found = candidate }
        if candidates.isEmpty { _ = KeyedHash.isEqual(nobody, hash) }
        guard let found else { return .unknown }
        if found.key.isRevoked { return .revoked(found.key.id) }
        return found.key.isExpired(at: seconds) ? .expired(found.key.id) : .inForce(found)
    }

    private static func place(of hash: [UInt8]) -> UInt64 {
        hash.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}
