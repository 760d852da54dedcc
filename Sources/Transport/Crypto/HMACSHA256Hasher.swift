// HMAC-SHA256 of many inputs under one secret, with an OpenSSL context that is set up once.

internal import COpenSSL

/// Computes many hashes under one secret; setting up a context for each would cost more than the hash.
///
/// Confined to its thread.
@safe package final class HMACSHA256Hasher {
    private let context: OpaquePointer

    package init(_ hash: HMACSHA256) {
        // An empty array may have no address, and OpenSSL takes a null key as a request to keep the last one.
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

    /// The hash of some bytes, in a time that depends on their number only.
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
