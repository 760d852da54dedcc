// Computes HMAC-SHA256 of many inputs with one secret, and reuses one OpenSSL context.

internal import COpenSSL

/// Computes many hashes with one secret.
///
/// One OpenSSL context is reused, because setting one up costs more than a hash. Confined to the thread that made the
/// object.
@safe package final class HMACSHA256Hasher {
    private let context: OpaquePointer

    package init(_ hash: HMACSHA256) {
        // The address of an empty array may be null, and OpenSSL treats a null key as "keep the previous key". So
        // `nothing` supplies an address for an empty secret.
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

    /// The hash of `bytes`.
    ///
    /// The time of the computation depends only on the number of bytes.
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
