// A token bucket: a limit that can be spent at once, and that becomes available again evenly over a period.

/// Counts the tokens that were spent of a limit and are not available again yet.
///
/// The limit itself is an argument, so that a changed limit holds from the next call on. As many tokens as the limit
/// has become available again in one period. More than the limit can be spent by `adjust`, or because the limit is
/// lowered. Such a debt is at most one limit, so the whole limit is always available again after two periods.
///
/// The functions are inlinable because HTTP/2 calls them with each control frame: if the compiler does not see what a
/// call does, Swift checks exclusive access to the bucket at run time.
package struct TokenBucket: Sendable {
    /// The time in which the whole limit becomes available again, in nanoseconds.
    @usableFromInline let period: Double
    @usableFromInline var spent = 0.0
    /// The time for which `spent` was last computed.
    @usableFromInline var updatedAt: Nanoseconds = 0

    /// A bucket of which nothing is spent; limits are per minute unless another period is given.
    @inlinable package init(period: Nanoseconds = 60_000_000_000) { self.period = Double(period) }

    /// How much of the limit is left now.
    package mutating func remaining(of limit: Int, at now: Nanoseconds) -> Int {
        flow(limit, now)
        return max(0, Int((Double(limit) - spent).rounded(.down)))
    }

    /// Takes `count` tokens if that many are left of the limit.
    ///
    /// - Returns: nil when they are taken, otherwise how long to wait for them. If waiting does not help, because the
    ///   limit is 0 or less than `count`, this is `Nanoseconds.max`.
    @inlinable
    package mutating func take(_ count: Int, of limit: Int, at now: Nanoseconds) -> Nanoseconds? {
        flow(limit, now)
        let excess = spent + Double(count) - Double(limit)
        guard excess > 0 else {
            spent += Double(count)
            return nil
        }
        guard count <= limit, limit > 0 else { return .max }
        return time(excess, of: limit)
    }

    /// Spends `count` more tokens without asking, or gives tokens back when `count` is negative.
    ///
    /// This may leave a debt, of one limit at most.
    package mutating func adjust(by count: Int, of limit: Int, at now: Nanoseconds) {
        flow(limit, now)
        spent = max(0, spent + Double(count))
        capDebt(limit)
    }

    /// Gives back `count` tokens that were spent, or all of them if fewer were.
    @inlinable package mutating func giveBack(_ count: Int) { spent = max(0, spent - Double(count)) }

    /// How long it takes until nothing is spent any more.
    package mutating func reset(of limit: Int, at now: Nanoseconds) -> Nanoseconds {
        flow(limit, now)
        return limit > 0 ? time(spent, of: limit) : 0
    }

    /// How long it takes until `tokens` are available again, at most two periods.
    @inlinable
    func time(_ tokens: Double, of limit: Int) -> Nanoseconds {
        Nanoseconds((tokens * period / Double(limit)).rounded(.up))
    }

    @inlinable mutating func capDebt(_ limit: Int) { spent = min(spent, 2 * Double(limit)) }

    @inlinable
    mutating func flow(_ limit: Int, _ now: Nanoseconds) {
        // The debt is capped first, so that the time since the last call reduces the capped debt.
        capDebt(limit)
        // The clocks of two workers may differ by a turn of their loops.
        guard now > updatedAt else { return }
        spent = max(0, spent - Double(now - updatedAt) * Double(limit) / period)
        updatedAt = now
    }
}
