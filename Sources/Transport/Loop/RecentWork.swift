// How much work the client of a channel has lately caused, by which the event loop decides whether the channel yields.

/// A leaky bucket of work, which is told in nanoseconds: each piece of work adds to it, and it leaks with time.
///
/// A channel whose bucket is filled beyond `most` yields: the loop reads it after all other work of a turn (see
/// `YieldQueue`). To yield costs a channel nothing while the loop has nothing else to do, so the classification may be
/// coarse.
package struct RecentWork: Sendable, Equatable {
    /// What a new connection adds: 200 ms, so that it yields for its first 100 ms.
    ///
    /// Else a flood of connections that have one request each would not yield.
    package static let connection: Nanoseconds = 200_000_000
    /// What one request adds: 10 ms, so that a connection with more than 100 requests a second yields in the long run.
    package static let request: Nanoseconds = 10_000_000
    /// What a refused request adds to `request`: 50 ms, so that a connection with 17 refusals a second yields in
    /// the long run.
    package static let refusal: Nanoseconds = 50_000_000
    /// How much work a channel may have caused at once before it yields: 100 ms, which is 10 requests, or one that is refused.
    static let most: Nanoseconds = 100_000_000
    /// The largest content of the bucket: 1.1 s, so that a channel no longer yields one second after its last request.
    static let capacity: Nanoseconds = 1_100_000_000

    /// When the bucket will be empty.
    private var emptyAt: Nanoseconds = 0

    package init() {}

    /// Whether the channel yields at `now`.
    func isMuch(at now: Nanoseconds) -> Bool { emptyAt > now + Self.most }

    /// Adds a piece of work.
    mutating func add(_ work: Nanoseconds, at now: Nanoseconds) {
        emptyAt = min(max(emptyAt, now) + work, now + Self.capacity)
    }
}
