// HMAC-SHA256 under a secret, and what belongs to it: randomness, and comparing without telling where two values differ.

internal import COpenSSL

/// Turns what must not be stored into what may be.
package struct KeyedHash: Sendable {
    /// Bytes of a hash.
    package static let count = 32

    private let secret: [UInt8]

    package init(secret: [UInt8]) {
        self.secret = secret
    }

    /// The hash of some bytes: as many of them, as much time, whatever they are.
    package func callAsFunction(_ bytes: some Collection<UInt8>) -> [UInt8] {
        let input = Array(bytes)
        var tag = [UInt8](repeating: 0, count: Self.count)
        let isDone = unsafe secret.withUnsafeBufferPointer { key in
            unsafe input.withUnsafeBufferPointer { input in
                unsafe tag.withUnsafeMutableBufferPointer { tag in
                    // An empty array may have no address, and OpenSSL takes a key without one for a wish to keep the last.
                    var nothing: UInt8 = 0
                    return unsafe withUnsafePointer(to: &nothing) { nothing in
                        unsafe copenssl_hmac_sha256(
                            key.baseAddress ?? nothing,
                            key.count,
                            input.baseAddress ?? nothing,
                            input.count,
                            tag.baseAddress!
                        )
                    }
                }
            }
        }
        precondition(isDone == 1, "OpenSSL without HMAC-SHA256")
        return tag
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
