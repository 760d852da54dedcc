// Who is asking: the one place in which workers look keys up. Nothing in it waits for a file.
package import HTTP
package import Routing
package import Transport

/// Who a request comes from, as far as its header says.
package enum Identity: Sendable {
    case key(KeyRing.Entry)
    /// Nobody has to say who they are, and this one did not.
    case anonymous
    /// A key is missing, unknown, revoked, expired or malformed: which of these, the log is told alone.
    case nobody(KeyRefusal)
}

/// Why a key opens nothing: for the log, never for the client.
package enum KeyRefusal: Sendable, Equatable {
    case missing, unreadable, unknown
    /// With the id of the key, which may be shown.
    case revoked(String), expired(String)

    var detail: String {
        switch self {
        case .missing: "no key"
        case .unreadable: "no key that can be read, or more than one"
        case .unknown: "unknown key"
        case .revoked: "revoked key"
        case .expired: "expired key"
        }
    }

    var keyID: String? {
        switch self {
        case .revoked(let id), .expired(let id): id
        case .missing, .unreadable, .unknown: nil
        }
    }
}

/// The keys in force and the rules beside them.
///
/// Read by workers once a request, written by the thread that watches the keys.
package final class KeyAccess: Sendable {
    /// The name of those who need no key.
    package static let anonymous = "anonymous"
    /// Of what a client gives as its key no more is looked at: no key of ours is near as long.
    private static let keyBytesMax = 256

    let isRequired: Bool
    let anonymousLimits: KeyLimits
    let anonymousUse = KeyUse()
    /// Nil: there are no keys, so whatever clients say is as good.
    private let hash: HMACSHA256?
    private let ring = Lock(KeyRing())

    /// Everybody is anonymous, unless there is a hash.
    package init(hash: HMACSHA256? = nil, isRequired: Bool = false, anonymousLimits: KeyLimits = KeyLimits()) {
        self.hash = hash
        self.isRequired = isRequired
        self.anonymousLimits = anonymousLimits
    }

    /// From now on these keys are in force, and no others.
    ///
    /// - Parameter now: on a clock of its own; what a key that is gone has used is kept for a while.
    package func publish(_ keys: [AccessKey], at now: Nanoseconds = Clock.monotonicNow()) {
        // One publisher: the ring that is replaced is the one that was read.
        let next = KeyRing(keys, after: ring.withLock { $0 }, at: now)
        ring.withLock { $0 = next }
    }

    /// What a worker hashes keys with, one of its own; nil where there are no keys.
    package func makeHasher() -> HMACSHA256Hasher? { hash.map { HMACSHA256Hasher($0) } }

    /// - Parameters:
    ///   - hasher: The caller's own, of `makeHasher`.
    ///   - seconds: Since 1970.
    package func identify(_ fields: FieldBlock, hasher: HMACSHA256Hasher?, at seconds: Int) -> Identity {
        guard let hasher else { return .anonymous }
        guard let given = Self.givenKey(in: fields) else { return isRequired ? .nobody(.missing) : .anonymous }
        guard !given.isEmpty else { return .nobody(.unreadable) }
        let current = ring.withLock { $0 }
        let key = given.prefix(Self.keyBytesMax)
        switch current.look(for: hasher.hash(key.span), at: seconds) {
        case .inForce(let entry): return .key(entry)
        case .revoked(let id): return .nobody(.revoked(id))
        case .expired(let id): return .nobody(.expired(id))
        case .unknown: return .nobody(.unknown)
        }
    }

    /// The key in `authorization: Bearer` (RFC 6750) or in `x-api-key`; empty where there are two different ones, or none
    /// that could be read, nil where a client gives none.
    ///
    /// SDKs that have a setting for each field may send one key in both, or leave one of them empty.
    static func givenKey(in fields: FieldBlock) -> ArraySlice<UInt8>? {
        guard fields.occurrences(of: .authorization) < 2, fields.occurrences(of: .xAPIKey) < 2 else { return [] }
        let other = fields.first(.xAPIKey)
        guard let value = fields.first(.authorization) else { return other }
        let scheme = value.prefix { $0 != UInt8(ascii: " ") }
        guard scheme.count == 6, fields.begins(.authorization, with: "bearer") else { return other ?? [] }
        let bearer = value[scheme.endIndex...].drop { $0 == UInt8(ascii: " ") }
        guard let other, !other.isEmpty else { return bearer }
        if bearer.isEmpty { return other }
        return bearer.elementsEqual(other) ? bearer : []
    }
}
