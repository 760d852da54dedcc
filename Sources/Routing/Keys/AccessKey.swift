// A key as it is stored: a hash of the key, and what the key allows. Only the bearer knows the key itself.
internal import Transport

/// The stored form of a key: its owner, what it allows, and a hash by which it is found.
package struct AccessKey: Equatable, Sendable {
    /// What the bearer of a key may do.
    package enum Role: String, CaseIterable, Sendable {
        /// The bearer may send requests to models.
        case user
        /// The bearer may list the models but not send requests to them, for dashboards and probes.
        case observer
    }

    /// The public name of the key, which the log and `keys list` show and by which an operator revokes the key.
    package var id: String
    /// The HMAC-SHA256 of the text of the key; the key of the HMAC is the server's secret.
    package var hash: [UInt8]
    /// The tenant to which the key belongs.
    ///
    /// Logs and metrics name the tenant, and the queue of each pool is fair between tenants.
    package var tenant: String
    /// The role of the key, which says what its bearer may do.
    package var role: Role
    /// The ids or aliases of the models that the key may use; nil for all models.
    package var models: [String]?
    /// The limits on the use of the key.
    package var limits: KeyLimits
    /// The class of the key's requests, and the classes that its bearer may choose.
    package var priority: PriorityRule
    /// When the key expires, in seconds since 1970; nil for never.
    package var expires: Int?
    /// Whether the key is revoked.
    ///
    /// A revoked key is not accepted; it is kept only so that the log can report it as revoked.
    package var isRevoked = false

    /// Makes a key that is not revoked; `hash` has 32 bytes, and `expires` is in seconds since 1970.
    package init(
        id: String,
        hash: [UInt8],
        tenant: String,
        role: Role = .user,
        models: [String]? = nil,
        limits: KeyLimits = KeyLimits(),
        priority: PriorityRule = PriorityRule(),
        expires: Int? = nil
    ) {
        self.id = id
        self.hash = hash
        self.tenant = tenant
        self.role = role
        self.models = models
        self.limits = limits
        self.priority = priority
        self.expires = expires
    }

    /// Whether the key has expired at `seconds` since 1970.
    package func isExpired(at seconds: Int) -> Bool { expires.map { $0 <= seconds } ?? false }
}

extension AccessKey {
    /// The prefix of every key.
    package static let prefix = "fi-"
    private static let randomBytes = 32
    private static let idBytes = 5

    /// Makes the text of a new key: the prefix and 32 random bytes in base64url (RFC 4648 section 5).
    package static func makeSecretText() -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var text = Array(prefix.utf8)
        var bits = 0
        var held: UInt32 = 0
        for byte in Randomness.bytes(randomBytes) {
            held = held << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                text.append(alphabet[Int(held >> UInt32(bits) & 63)])
            }
        }
        if bits > 0 { text.append(alphabet[Int(held << UInt32(6 - bits) & 63)]) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Makes a new `id`, which is random, so that it reveals nothing about the key.
    package static func makeID() -> String { Hexadecimal.text(Randomness.bytes(idBytes)) }
}
