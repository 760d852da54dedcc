// Computes how many client connections fit into `memory_limit`.

extension Configuration {
    /// The bytes of `memory_limit` that each client connection is charged when it is accepted.
    ///
    /// The charge covers the TLS state, the nghttp2 session, this server's own state and a few small requests.
    @inlinable package static var connectionChargeBytes: Int { 64 << 10 }

    /// The number of idle connections that fit into `memory_limit` together with one request body of `limits.body`
    /// bytes and the memory to scan this body.
    ///
    /// If a body needs more than half of `memory_limit`, the result is computed as if it needed half.
    package var connectionsBesideBody: Int {
        // Scanning a body needs 17/3 of the body's size in addition to the body itself, so 20/3 together
        // (docs/limits.md).
        let need = limits.bodyBytes / 3 * 20
        return max(1, (memoryLimitBytes - min(need, memoryLimitBytes / 2)) / Self.connectionChargeBytes)
    }
}
