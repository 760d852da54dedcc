// A key as it is stored: what it allows, and a hash of it. The key itself is known to its bearer only.
internal import Transport

/// The stored form of a key: whose it is, what it allows, and a hash by which it is found.
package struct AccessKey: Equatable, Sendable {
    /// What a key is for.
    package enum Role: String, CaseIterable, Sendable {
        /// May send requests to models.
        case user
        /// May list the models but not send requests to them: for dashboards and probes.
        case observer
    }

    /// Its public name, which logs and lists show and by which it is revoked.
    package var id: String
    /// HMAC-SHA256 of the key under the secret.
    package var hash: [UInt8]
    /// Whose key it is: the tenant in logs and metrics, and in the queue, which is fair between tenants.
    package var tenant: String
    /// What the key is for.
    package var role: Role
    /// Ids or aliases of the models that it may use; nil for all.
    package var models: [String]?
    /// How much its bearer may use.
    package var limits: KeyLimits
    /// When the key expires, in seconds since 1970; nil for never.
    package var expires: Int?
    /// Whether the key is revoked: it is not accepted, and is kept only so that the log can say so.
    package var isRevoked = false

    /// A key that is not revoked; `hash` has 32 bytes, and `expires` is in seconds since 1970.
    package init(
        id: String,
        hash: [UInt8],
        tenant: String,
        role: Role = .user,
        models: [String]? = nil,
        limits: KeyLimits = KeyLimits(),
        expires: Int? = nil
    ) {
        self.id = id
        self.hash = hash
        self.tenant = tenant
        self.role = role
        self.models = models
        self.limits = limits
        self.expires = expires
    }

    /// Whether the key has expired at `seconds` since 1970.
    package func isExpired(at seconds: Int) -> Bool { expires.map { $0 <= seconds } ?? false }
}

extension AccessKey {
    /// How every key begins.
    package static let prefix = "fi-"
    private static let randomBytes = 32
    private static let idBytes = 5

    /// The text of a new key: the prefix and 32 random bytes in base64url (RFC 4648, section 5).
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

    /// A new `id`: random, so that it says nothing of the key.
    package static func makeID() -> String { Hexadecimal.text(Randomness.bytes(idBytes)) }
}
