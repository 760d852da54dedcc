// HMAC-SHA256 under a secret, and what belongs to it: randomness, and comparing without telling where two values differ.

internal import COpenSSL

/// Turns what must not be stored into what may be.
package struct HMACSHA256: Sendable {
    /// Bytes of a hash.
    package static let count = 32

    fileprivate let secret: [UInt8]

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

/// The same for one hash after the other: to begin anew with each would cost more than to hash.
///
/// Confined to its thread.
@safe package final class HMACSHA256Hasher {
    private let context: OpaquePointer

    package init(_ hash: HMACSHA256) {
        // An empty array may have no address, and OpenSSL takes a key without one for a wish to keep the last.
        var nothing: UInt8 = 0
        let made = unsafe hash.secret.withUnsafeBufferPointer { key in
            unsafe withUnsafePointer(to: &nothing) {
                unsafe copenssl_hmac_sha256_new(key.baseAddress ?? $0, key.count)
            }
        }
        guard let made = unsafe made else { preconditionFailure("OpenSSL without HMAC-SHA256") }
        unsafe context = made
    }

    deinit { unsafe EVP_MAC_CTX_free(context) }

    package func hash(_ bytes: Span<UInt8>) -> [UInt8] {
        unsafe bytes.withUnsafeBufferPointer { input in
            unsafe [UInt8](unsafeUninitializedCapacity: HMACSHA256.count) { tag, filled in
                let isDone = unsafe copenssl_hmac_sha256(context, input.baseAddress, input.count, tag.baseAddress!)
                precondition(isDone == 1, "OpenSSL without HMAC-SHA256")
                filled = HMACSHA256.count
            }
        }
    }
}

package enum Randomness {
    /// Bytes fit for keys.
    package static func bytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let isDone = unsafe bytes.withUnsafeMutableBytes { unsafe RAND_bytes($0.baseAddress, CInt($0.count)) }
        precondition(isDone == 1, "no randomness")
        return bytes
    }
}
