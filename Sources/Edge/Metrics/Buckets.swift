// The bounds of the buckets of the Prometheus histograms.

/// The upper bounds of each histogram's buckets; times are in nanoseconds.
enum Buckets {
    private static let microsecond: UInt64 = 1000
    private static let millisecond: UInt64 = 1_000_000
    private static let second: UInt64 = 1_000_000_000

    /// Bucket bounds for the time to the first token, from 1 ms to 120 s.
    static let firstToken =
        [1, 2, 5, 10, 20, 50, 100, 200, 500].map { $0 * millisecond }
        + [1, 2, 5, 10, 20, 30, 60, 120].map { $0 * second }
    /// Bucket bounds for the duration of an exchange, from 1 ms to 600 s.
    static let duration = firstToken + [300 * second, 600 * second]
    /// Bucket bounds for the time between two tokens, from 0.1 ms to 10 s.
    ///
    /// There are additional bounds between 10 and 100 ms, because a person who reads the stream notices small
    /// differences there.
    static let gap =
        [100, 200, 500].map { $0 * microsecond }
        + [1, 2, 5, 10, 20, 30, 50, 75, 100, 200, 500].map { $0 * millisecond } + [1, 2, 5, 10].map { $0 * second }
    /// Bucket bounds for the time that a request waits in the queue of a model, from 1 ms to 10 s.
    static let queueWait =
        [1, 2, 5, 10, 20, 50, 100, 200, 500].map { $0 * millisecond }
        + [1, 2, 5, 10].map { $0 * second }
    /// Bucket bounds for the delays that the edge itself causes, from 10 us to 1 s.
    static let overhead =
        [10, 20, 50, 100, 200, 500].map { $0 * microsecond }
        + [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].map { $0 * millisecond }
    /// Bucket bounds for numbers of tokens: the powers of 4 from 1 to 4^13.
    ///
    /// OpenTelemetry's convention recommends them for `gen_ai.client.token.usage`.
    static let tokens = (0...13).map { UInt64(1) << (2 * $0) }
}
