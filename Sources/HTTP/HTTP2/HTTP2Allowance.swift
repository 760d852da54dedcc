// A rate limit for actions of a peer that cost the server more than they cost the peer.
internal import Transport

/// A token bucket: each action of the peer takes tokens, and tokens return at a fixed rate, up to `burst`.
struct HTTP2Allowance {
    private let burst: Int
    private var bucket: TokenBucket

    /// Makes a full bucket of `burst` tokens, into which `perSecond` tokens return each second.
    ///
    /// `burst` must be a multiple of `perSecond`, because the time in which the bucket fills is whole seconds.
    init(burst: Int, perSecond: Int) {
        self.burst = burst
        bucket = TokenBucket(period: Nanoseconds(max(1, burst / max(1, perSecond))) * 1_000_000_000)
    }

    /// Takes `cost` tokens from the bucket.
    ///
    /// - Returns: false if the bucket has fewer than `cost` tokens. The connection then has to end.
    mutating func take(_ cost: Int = 1, now: Nanoseconds) -> Bool { bucket.take(cost, of: burst, at: now) == nil }

    /// Puts `count` tokens into the bucket, at most until it is full.
    ///
    /// One caller undoes `take` for an action that does not count after all. Another caller has sent a DATA frame, and
    /// returns tokens for the WINDOW_UPDATE frames with which the peer may answer.
    mutating func giveBack(_ count: Int) { bucket.giveBack(count) }
}
