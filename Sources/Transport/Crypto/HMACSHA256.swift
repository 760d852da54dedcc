// HMAC-SHA256 with a secret key, and a comparison of hashes in constant time.

internal import COpenSSL

/// Hashes access keys with a secret, so that the hashes can be stored in place of the keys.
package struct HMACSHA256: Sendable, Equatable {
    /// The length of a hash in bytes.
    package static let count = 32

    let secret: [UInt8]

    package init(secret: [UInt8]) { self.secret = secret }

    /// The hash of `bytes`.
    ///
    /// The time of the computation depends only on the number of bytes. Each call sets up an OpenSSL context. To
    /// compute many hashes, use `HMACSHA256Hasher`.
    package func callAsFunction(_ bytes: some Collection<UInt8>) -> [UInt8] {
        HMACSHA256Hasher(self).hash(Array(bytes).span)
    }

    /// Whether two hashes are equal.
    ///
    /// The time of the comparison does not depend on the position of the first difference.
    package static func isEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        guard one.count == other.count else { return false }
        return unsafe one.withUnsafeBytes { one in
            unsafe other.withUnsafeBytes { other in
                unsafe CRYPTO_memcmp(one.baseAddress, other.baseAddress, one.count) == 0
            }
        }
    }
}
