// How often a peer may do what costs us more than it costs the peer.
internal import Transport

/// A token bucket with its limit.
struct HTTP2Allowance {
    private let burst: Int
    private var bucket: TokenBucket

    /// Allows `burst` at once and `perSecond` in the long run.
    ///
    /// `burst` is a multiple of `perSecond`.
    init(burst: Int, perSecond: Int) {
        self.burst = burst
        bucket = TokenBucket(period: Nanoseconds(max(1, burst / max(1, perSecond))) * 1_000_000_000)
    }

    /// Takes `cost` from the bucket.
    ///
    /// - Returns: false when less is left; the connection then has to end.
    mutating func take(_ cost: Int = 1, now: Nanoseconds) -> Bool { bucket.take(cost, of: burst, at: now) == nil }

    /// Returns `count` to the bucket: what was taken before, or what the peer has earned beyond `perSecond`.
    mutating func giveBack(_ count: Int) { bucket.giveBack(count) }
}
