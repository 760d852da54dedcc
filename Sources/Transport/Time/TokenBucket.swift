// A token bucket for rate limits: the limit can be spent at once, and becomes available again evenly over one period.

/// Counts how many tokens of a limit are spent and not yet available again.
///
/// One token stands for one unit of what the limit counts, such as a request, a connection or a token of a model.
///
/// Each call gets the limit as an argument, so that a changed limit applies from the next call on. During one period,
/// as many tokens become available again as the limit allows.
///
/// The spent tokens can exceed the limit, through `adjust` or because the limit was lowered. The spent tokens are
/// capped at twice the limit, so the whole limit is available again after two periods at most.
///
/// The functions are inlinable because HTTP/2 calls them for each control frame. Without inlining, Swift would check
/// exclusive access to the bucket at run time.
package struct TokenBucket: Sendable {
    /// The time in which the whole limit becomes available again, in nanoseconds.
    @usableFromInline let period: Double
    @usableFromInline var spent = 0.0
    /// The time up to which `spent` has been computed, in nanoseconds.
    @usableFromInline var updatedAt: Nanoseconds = 0

    /// A bucket with no tokens spent.
    ///
    /// - Parameter period: the period of the limits in nanoseconds, one minute by default.
    @inlinable package init(period: Nanoseconds = 60_000_000_000) { self.period = Double(period) }

    /// How many tokens of `limit` are available at `now`.
    package mutating func remaining(of limit: Int, at now: Nanoseconds) -> Int {
        flow(limit, now)
        return max(0, Int((Double(limit) - spent).rounded(.down)))
    }

    /// Takes `count` tokens if that many are available.
    ///
    /// - Returns: nil if the tokens were taken; otherwise how long to wait until they are available. The result is
    ///   `Nanoseconds.max` if waiting cannot help, because `limit` is 0 or less than `count`.
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

    /// Spends `count` tokens even if fewer are available; gives tokens back if `count` is negative.
    ///
    /// The spent tokens can then exceed the limit, up to twice the limit.
    package mutating func adjust(by count: Int, of limit: Int, at now: Nanoseconds) {
        flow(limit, now)
        spent = max(0, spent + Double(count))
        capDebt(limit)
    }

    /// Gives back `count` tokens; if fewer are spent, gives back all of them.
    @inlinable package mutating func giveBack(_ count: Int) { spent = max(0, spent - Double(count)) }

    /// How long it takes until all tokens are available again.
    package mutating func reset(of limit: Int, at now: Nanoseconds) -> Nanoseconds {
        flow(limit, now)
        return limit > 0 ? time(spent, of: limit) : 0
    }

    /// How long it takes until `tokens` spent tokens become available again; at most two periods.
    @inlinable
    func time(_ tokens: Double, of limit: Int) -> Nanoseconds {
        Nanoseconds((tokens * period / Double(limit)).rounded(.up))
    }

    @inlinable mutating func capDebt(_ limit: Int) { spent = min(spent, 2 * Double(limit)) }

    @inlinable
    mutating func flow(_ limit: Int, _ now: Nanoseconds) {
        // More tokens than the limit may be spent. The excess is capped, so that all tokens are available again after
        // two periods at most. Then the tokens that have become available again since `updatedAt` are subtracted.
        capDebt(limit)
        // `now` can be before `updatedAt`, because the clocks of two workers may differ by one turn of their loops.
        guard now > updatedAt else { return }
        spent = max(0, spent - Double(now - updatedAt) * Double(limit) / period)
        updatedAt = now
    }
}

extension TokenBucket {
    /// A copy of a bucket's contents to hand over to another process.
    ///
    /// The record contains an age instead of a time, because the clocks of two processes differ.
    package struct Record: Equatable, Sendable {
        /// How many tokens were spent when the bucket was last used; at least 0.
        package var spent = 0.0
        /// How much time passed between the last use of the bucket and the making of this record, in nanoseconds.
        package var age: Nanoseconds = 0

        /// Makes the record of a bucket; `spent` must be neither infinite nor NaN.
        package init(spent: Double = 0, age: Nanoseconds = 0) {
            self.spent = spent
            self.age = age
        }
    }

    /// The contents of the bucket at `now`.
    package func record(at now: Nanoseconds) -> Record {
        Record(spent: spent, age: spent > 0 && now > updatedAt ? now - updatedAt : 0)
    }

    /// Replaces the contents of the bucket by those of a record, which must have been made just before `now`.
    ///
    /// The period of the bucket does not change.
    package mutating func restore(_ record: Record, at now: Nanoseconds) {
        spent = max(0, record.spent)
        updatedAt = now > record.age ? now - record.age : 0
    }
}
