// Computes how many client connections fit into `memory_limit`, the memory that the server may use.

extension Configuration {
    /// How much of `memory_limit` the server reserves for each client connection when it accepts the connection, in
    /// bytes.
    ///
    /// The charge covers the TLS state, the nghttp2 session, this server's own state and a few small requests.
    @inlinable package static var connectionChargeBytes: Int { 64 << 10 }

    /// How many idle connections fit into `memory_limit` beside one request body of the largest size and the memory to
    /// scan it.
    ///
    /// A body of the largest size has `limits.body` bytes. If it would need more than half of `memory_limit`, only half
    /// is reserved for it.
    package var connectionsBesideBody: Int {
        // A scan needs 17/3 of the body's size in addition to the body itself, which makes 20/3 together
        // (docs/limits.md).
        let need = limits.bodyBytes / 3 * 20
        return max(1, (memoryLimitBytes - min(need, memoryLimitBytes / 2)) / Self.connectionChargeBytes)
    }
}
