// Measures how much work the client of a channel has lately caused. If it is much, the loop does all other work before
// it reads the channel.

/// A leaky bucket of work in nanoseconds: each piece of work adds its cost, and the content shrinks as time passes.
///
/// While the content exceeds `most`, the channel yields: in each turn, the loop does all other work before it reads the
/// channel (see `YieldQueue`). If the loop has no other work, a channel that yields is not delayed, so rough costs are
/// good enough.
package struct RecentWork: Sendable, Equatable {
    /// The cost of a new connection: 200 ms.
    ///
    /// The cost is 100 ms above the threshold `most`. So in the first 100 ms of a connection, the loop does all other
    /// work before it reads the connection. Without this cost, the loop would not delay a flood of connections with one
    /// request each.
    package static let connection: Nanoseconds = 200_000_000
    /// The cost of a request: 10 ms.
    ///
    /// So a connection that keeps sending more than 100 requests a second has to wait for the loop's other work.
    package static let request: Nanoseconds = 10_000_000
    /// The cost of a refused request in addition to `request`: 50 ms.
    ///
    /// A refused request is one whose response has a 4xx status. With this cost, a connection that keeps causing 17 of
    /// them a second has to wait for the loop's other work.
    package static let refusal: Nanoseconds = 50_000_000
    /// The threshold of the bucket: 100 ms of recent work.
    ///
    /// While the bucket contains more, the loop does all other work before it reads the channel. A burst of 10 requests
    /// reaches the threshold exactly. One refused request stays below it, and two refused requests exceed it.
    static let most: Nanoseconds = 100_000_000
    /// The largest content of the bucket: 1.1 s.
    ///
    /// So one second after its last request, a channel no longer has to wait for the loop's other work.
    static let capacity: Nanoseconds = 1_100_000_000

    /// When the bucket of work will be empty if no work is added.
    private var emptyAt: Nanoseconds = 0

    package init() {}

    /// Whether the loop has to do all other work before it reads the channel.
    func isMuch(at now: Nanoseconds) -> Bool { emptyAt > now + Self.most }

    /// Adds the cost of a piece of work to the bucket.
    mutating func add(_ work: Nanoseconds, at now: Nanoseconds) {
        emptyAt = min(max(emptyAt, now) + work, now + Self.capacity)
    }
}
