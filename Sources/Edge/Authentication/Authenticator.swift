// Identifies the sender of a request by the API key in the head. No call waits for a file or a database.
package import HTTP
package import Routing
package import Transport

/// Who sent a request, as the API key in the head of the request shows.
package enum CallerIdentity: Sendable {
    /// The request has this key, which is in force.
    case key(KeyRing.Entry)
    /// The request has no key, and no key is required.
    case anonymous
    /// The request must be refused, because its key is missing, unknown, revoked, expired or malformed.
    case refused(KeyRefusal)
}

/// The API keys in force, and whether a request must have a key.
///
/// An authenticator belongs to a snapshot, the immutable state that is made from one configuration. All threads share
/// the authenticator, and workers read it once for each request. Only the keys in its table can change.
package final class Authenticator: Sendable {
    /// The tenant of all requests without a key.
    package static let anonymous = "anonymous"
    /// The length in bytes to which a longer key of a request is cut before it is hashed.
    ///
    /// The keys that this server makes are much shorter.
    private static let keyBytesMax = 256

    /// Whether a request without a key is refused.
    let isRequired: Bool
    /// The limits that apply to all requests without a key together.
    let anonymousLimits: KeyLimits
    /// The priority class of requests without a key, and the classes that such requests may ask for.
    let anonymousPriority: PriorityRule
    /// How much of `anonymousLimits` has been used by all requests without a key.
    let anonymousUse: KeyUse
    /// The API keys in force; nil if no store of keys is configured.
    ///
    /// Without a store, every request is anonymous, even a request that carries a key.
    let keys: KeyTable?

    /// - Parameter anonymousUse: counts how much of `anonymousLimits` has been used. The object outlives the
    ///   authenticator, so the counts do not begin again with each configuration.
    init(
        keys: KeyTable?,
        isRequired: Bool,
        anonymousLimits: KeyLimits,
        anonymousPriority: PriorityRule,
        anonymousUse: KeyUse
    ) {
        self.keys = keys
        self.isRequired = isRequired
        self.anonymousLimits = anonymousLimits
        self.anonymousPriority = anonymousPriority
        self.anonymousUse = anonymousUse
    }

    /// Makes an authenticator without keys; `publish` sets the keys.
    ///
    /// If `hash` is nil, the authenticator never has keys, and every request is anonymous.
    package convenience init(
        hash: HMACSHA256? = nil,
        isRequired: Bool = false,
        anonymousLimits: KeyLimits = KeyLimits(),
        anonymousPriority: PriorityRule = PriorityRule()
    ) {
        self.init(
            keys: hash.map { KeyTable(hash: $0) },
            isRequired: isRequired,
            anonymousLimits: anonymousLimits,
            anonymousPriority: anonymousPriority,
            anonymousUse: KeyUse()
        )
    }

    /// Replaces the keys in force; called by one thread at a time.
    ///
    /// - Parameter now: The monotonic time in nanoseconds.
    package func publish(_ keys: [AccessKey], at now: Nanoseconds = Clock.monotonicNow()) {
        self.keys?.publish(keys, at: now)
    }

    /// Makes the hasher with which one worker hashes the keys of requests; nil if no keys are configured.
    package func makeHasher() -> HMACSHA256Hasher? { keys.map { HMACSHA256Hasher($0.hash) } }

    /// Identifies the sender of a request with these header fields; any thread may call it.
    ///
    /// - Parameters:
    ///   - hasher: The hasher of the calling thread, made by `makeHasher`.
    ///   - seconds: The time in seconds since 1970, for keys that expire.
    package func identify(_ fields: FieldBlock, hasher: HMACSHA256Hasher?, at seconds: Int) -> CallerIdentity {
        guard let hasher, let keys else { return .anonymous }
        guard let given = Self.givenKey(in: fields) else { return isRequired ? .refused(.missing) : .anonymous }
        guard !given.isEmpty else { return .refused(.unreadable) }
        let current = keys.current
        let key = given.prefix(Self.keyBytesMax)
        switch current.look(for: hasher.hash(key.span), at: seconds) {
        case .inForce(let entry): return .key(entry)
        case .revoked(let id): return .refused(.revoked(id))
        case .expired(let id): return .refused(.expired(id))
        case .unknown: return .refused(.unknown)
        }
    }

    /// The key of a request, in `authorization: Bearer` (RFC 6750) or in `x-api-key`.
    ///
    /// Some SDKs send the same key in both fields, or leave one of the fields empty.
    ///
    /// - Returns: nil if the request has no key; empty if it has two different keys, or a key that cannot be read.
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
