// Measures how much work the client of a channel has lately caused. A channel whose client causes much work yields.

/// A leaky bucket of work in nanoseconds: each piece of work adds its cost, and the content shrinks as time passes.
///
/// While the content exceeds `most`, the channel yields: the loop reads it after all other work of a turn (see
/// `YieldQueue`). If the loop has no other work, a channel that yields is not delayed, so rough costs are good enough.
package struct RecentWork: Sendable, Equatable {
    /// The cost of a new connection: 200 ms, so that the connection yields for its first 100 ms.
    ///
    /// Without this cost, a flood of connections with one request each would not yield.
    package static let connection: Nanoseconds = 200_000_000
    /// The cost of a request: 10 ms, so that a connection with more than 100 requests a second yields in the long run.
    package static let request: Nanoseconds = 10_000_000
    /// The cost of a refused request in addition to `request`: 50 ms.
    ///
    /// So a connection with 17 refused requests a second yields in the long run.
    package static let refusal: Nanoseconds = 50_000_000
    /// The largest content with which a channel does not yield: 100 ms.
    ///
    /// It corresponds to a burst of 10 requests, or of one refused request.
    static let most: Nanoseconds = 100_000_000
    /// The maximum content of the bucket: 1.1 s, so that a channel stops yielding one second after its last request.
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
