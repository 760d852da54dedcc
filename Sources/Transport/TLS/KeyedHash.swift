// HMAC-SHA256 under a secret, and what belongs to it: randomness, and comparing without telling where two values differ.

internal import COpenSSL

/// Turns what must not be stored into what may be.
package struct KeyedHash: Sendable {
    /// Bytes of a hash.
    package static let count = 32

    /// OpenSSL's, with the secret in it: to begin anew with each message would cost more than to hash it.
    private let state: Lock<State>

    package init(secret: [UInt8]) {
        state = Lock(State(secret: secret))
    }

    /// The hash of some bytes: as many of them, as much time, whatever they are.
    package func callAsFunction(_ bytes: Span<UInt8>) -> [UInt8] {
        state.withLock { $0.hash(bytes) }
    }

    package func callAsFunction(_ bytes: some Collection<UInt8>) -> [UInt8] { self(Array(bytes).span) }

    @safe private struct State: ~Copyable {
        private let context: OpaquePointer

        init(secret: [UInt8]) {
            // An empty array may have no address, and OpenSSL takes a key without one for a wish to keep the last.
            var nothing: UInt8 = 0
            let made = unsafe secret.withUnsafeBufferPointer { key in
                unsafe withUnsafePointer(to: &nothing) {
                    unsafe copenssl_hmac_sha256_new(key.baseAddress ?? $0, key.count)
                }
            }
            guard let made = unsafe made else { preconditionFailure("OpenSSL without HMAC-SHA256") }
            unsafe context = made
        }

        deinit { unsafe EVP_MAC_CTX_free(context) }

        mutating func hash(_ bytes: Span<UInt8>) -> [UInt8] {
            let (context, count) = unsafe (context, KeyedHash.count)
            return unsafe bytes.withUnsafeBufferPointer { input in
                unsafe [UInt8](unsafeUninitializedCapacity: count) { tag, filled in
                    let isDone = unsafe copenssl_hmac_sha256(context, input.baseAddress, input.count, tag.baseAddress!)
                    precondition(isDone == 1, "OpenSSL without HMAC-SHA256")
                    filled = count
                }
            }
        }
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

package enum Randomness {
    /// Bytes fit for keys.
    package static func bytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let isDone = unsafe bytes.withUnsafeMutableBytes { unsafe RAND_bytes($0.baseAddress, CInt($0.count)) }
        precondition(isDone == 1, "no randomness")
        return bytes
    }
}
