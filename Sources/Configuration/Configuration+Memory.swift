// The number of connections for which `memory_limit` has room.

extension Configuration {
    /// The bytes of `memory_limit` that each client connection is charged when it is accepted.
    ///
    /// The charge covers the TLS state, the nghttp2 session, this server's own state and a few small requests.
    @inlinable package static var connectionChargeBytes: Int { 64 << 10 }

    /// The number of idle connections that fit in `memory_limit` beside one request body of `limits.body` bytes and its
    /// scan.
    ///
    /// At least half of `memory_limit` is left for connections, however much memory a body needs.
    package var connectionsBesideBody: Int {
        // Scanning a body needs 17/3 of its size in addition to the body itself (docs/limits.md).
        let need = limits.bodyBytes / 3 * 20
        return max(1, (memoryLimitBytes - min(need, memoryLimitBytes / 2)) / Self.connectionChargeBytes)
    }
}
