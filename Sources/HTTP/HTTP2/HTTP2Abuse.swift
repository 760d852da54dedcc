// Counters against peers that make work without asking for answers (edge-servers.md 3.1 and 3.5).
package import Transport

/// A bucket that empties by use and fills with time.
package struct TokenBucket {
    private let capacity: Double
    private let perNanosecond: Double
    private var tokens: Double
    private var last: Nanoseconds

    package init(burst: Int, perSecond: Int, now: Nanoseconds) {
        capacity = Double(burst)
        perNanosecond = Double(perSecond) / 1e9
        tokens = Double(burst)
        last = now
    }

    /// Takes `cost`; false when the bucket does not hold as much.
    package mutating func take(_ cost: Double = 1, now: Nanoseconds) -> Bool {
        if now > last {
            tokens = min(capacity, tokens + Double(now - last) * perNanosecond)
            last = now
        }
        tokens -= cost
        return tokens >= 0
    }

    package mutating func credit(_ amount: Double) { tokens = min(capacity, tokens + amount) }
}

/// What one connection may do that costs us more than it costs the peer.
///
/// A connection that passes a limit is ended with ENHANCE_YOUR_CALM. nghttp2's own limiter stops once any GOAWAY was
/// submitted, and counts no resets of ours.
package struct HTTP2Abuse {
    private var resetsReceived: TokenBucket
    private var resetsSent: TokenBucket
    private var frames: TokenBucket
    private var emptyFrames = 0

    private static let emptyFramesMax = 10

    package init(trusted: Bool, now: Nanoseconds) {
        resetsReceived = TokenBucket(burst: trusted ? 2000 : 200, perSecond: trusted ? 200 : 20, now: now)
        resetsSent = TokenBucket(burst: 100, perSecond: 10, now: now)
        frames = TokenBucket(burst: trusted ? 20_000 : 4000, perSecond: trusted ? 5000 : 1000, now: now)
    }

    /// The client reset a stream whose response was not whole. (After `[DONE]` an SDK may reset: that is no abuse.)
    package mutating func resetReceived(now: Nanoseconds) -> Bool { resetsReceived.take(now: now) }
    /// We reset a stream for a fault of the client's.
    package mutating func resetSent(now: Nanoseconds) -> Bool { resetsSent.take(now: now) }
    /// A frame that asks for nothing: PING, SETTINGS, PRIORITY, WINDOW_UPDATE, RST_STREAM, unknown types.
    package mutating func controlFrame(now: Nanoseconds) -> Bool { frames.take(now: now) }
    /// A DATA frame of ours earns the client its WINDOW_UPDATEs.
    package mutating func dataSent() { frames.credit(2) }
    /// DATA without bytes that does not end its stream, over and over.
    package mutating func data(isEmpty: Bool) -> Bool {
        emptyFrames = isEmpty ? emptyFrames + 1 : 0
        return emptyFrames <= Self.emptyFramesMax
    }
}
