// Cryptographically secure random bytes, from OpenSSL's generator.

internal import COpenSSL

/// Cryptographically secure random bytes.
package enum Randomness {
    /// An array of `count` random bytes, secure enough for keys.
    package static func bytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        unsafe bytes.withUnsafeMutableBytes { unsafe fill($0) }
        return bytes
    }

    /// Overwrites `buffer` with random bytes.
    ///
    /// Ends the process if OpenSSL's generator fails.
    static func fill(_ buffer: UnsafeMutableRawBufferPointer) {
        let isDone = unsafe RAND_bytes(buffer.baseAddress, CInt(buffer.count))
        precondition(isDone == 1, "no randomness")
    }
}
