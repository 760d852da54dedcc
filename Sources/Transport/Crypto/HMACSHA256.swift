// HMAC-SHA256 under a secret, and what belongs to it: randomness, and comparing without telling where two values differ.

internal import COpenSSL

/// Turns what must not be stored into what may be.
package struct HMACSHA256: Sendable {
    /// Bytes of a hash.
    package static let count = 32

    let secret: [UInt8]

    package init(secret: [UInt8]) { self.secret = secret }

    /// The hash of some bytes: as many of them, as much time, whatever they are.
    ///
    /// For one now and then; whoever has many has a `HMACSHA256Hasher`.
    package func callAsFunction(_ bytes: some Collection<UInt8>) -> [UInt8] {
        HMACSHA256Hasher(self).hash(Array(bytes).span)
    }

    /// Whether two hashes are the same, in a time that does not tell where they differ.
    package static func isEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        guard one.count == other.count else { return false }
        return unsafe one.withUnsafeBytes { one in
            unsafe other.withUnsafeBytes { other in
                unsafe CRYPTO_memcmp(one.baseAddress, other.baseAddress, one.count) == 0
            }
        }
    }
}
