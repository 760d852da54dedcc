// A key as it is stored: what it allows, and a hash of it. The key itself is known to its bearer only.
internal import Transport

package struct AccessKey: Equatable, Sendable {
    /// What a key is for.
    package enum Role: String, CaseIterable, Sendable {
        /// Asks models.
        case user
        /// Sees which models there are, and may ask none: for dashboards and probes.
        case observer
    }

    /// Its short name, which may be shown: in the log, in lists, to revoke it.
    package var id: String
    /// HMAC-SHA256 of the key under the secret.
    package var hash: [UInt8]
    package var tenant: String
    package var role: Role
    /// Ids or aliases of the models that it may use; nil: all.
    package var models: [String]?
    package var limits: KeyLimits
    /// Seconds since 1970; from then on it is unknown.
    package var expires: Int?
    /// It opens nothing any more, and is kept so that the log can say so.
    package var isRevoked = false

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

    package func isExpired(at seconds: Int) -> Bool { expires.map { $0 <= seconds } ?? false }
}

extension AccessKey {
    /// How every key begins.
    package static let prefix = "fi-"
    private static let randomBytes = 32
    private static let idBytes = 5

    /// A key that nobody has had before: the prefix and 32 random bytes in base64url (RFC 4648 section 5).
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

    /// A new `id`.
    ///
    /// It has nothing to do with the key.
    package static func makeID() -> String { Hexadecimal.text(Randomness.bytes(idBytes)) }
}
