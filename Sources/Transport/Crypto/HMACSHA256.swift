// HMAC-SHA256 under a secret, and a comparison in constant time.

internal import COpenSSL

/// Hashes access keys under a secret, so that the hashes can be stored.
package struct HMACSHA256: Sendable, Equatable {
    /// The length of a hash in bytes.
    package static let count = 32

    let secret: [UInt8]

    package init(secret: [UInt8]) { self.secret = secret }

    /// The hash of some bytes, in a time that depends on their number only.
    ///
    /// It sets up a context of OpenSSL each time; `HMACSHA256Hasher` does so once for many hashes.
    package func callAsFunction(_ bytes: some Collection<UInt8>) -> [UInt8] {
        HMACSHA256Hasher(self).hash(Array(bytes).span)
    }

    /// Whether two hashes are equal, in a time that does not depend on where they differ.
    package static func isEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        guard one.count == other.count else { return false }
        return unsafe one.withUnsafeBytes { one in
            unsafe other.withUnsafeBytes { other in
                unsafe CRYPTO_memcmp(one.baseAddress, other.baseAddress, one.count) == 0
            }
        }
    }
}
