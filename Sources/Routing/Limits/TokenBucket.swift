// A rate a minute, as a bucket: what has been spent flows back evenly.
package import Transport

/// Holds what has been spent and has not flowed back yet.
///
/// The limit is not in it, so that a changed limit holds from the next question on. What is spent flows back at the rate
/// of one limit a minute. More may be spent than the limit has, by what is settled afterwards or because the limit is
/// lowered: such a debt is never more than one limit, so that all is there again within two minutes, whatever happened.
package struct TokenBucket: Sendable {
    private static let minute = 60e9

    private var spent = 0.0
    private var seen: Nanoseconds = 0

    package init() {}

    /// What a limit leaves, now.
    package mutating func remaining(of limit: Int, at now: Nanoseconds) -> Int {
        flow(limit, now)
        return max(0, Int((Double(limit) - spent).rounded(.down)))
    }

    /// Takes `count` if the limit leaves so many.
    ///
    /// - Returns: how long to wait for them otherwise; nil when they are taken. With a limit of 0, or a count beyond the
    ///   limit, no wait would do: `Nanoseconds.max`.
    package mutating func take(_ count: Int, of limit: Int, at now: Nanoseconds) -> Nanoseconds? {
        flow(limit, now)
        let over = spent + Double(count) - Double(limit)
        guard over > 0 else {
            spent += Double(count)
            return nil
        }
        guard count <= limit, limit > 0 else { return .max }
        return Self.time(over, of: limit)
    }

    /// Spends more, or gives back, than was taken: it may leave a debt, of one limit at most.
    package mutating func adjust(by count: Int, of limit: Int, at now: Nanoseconds) {
        flow(limit, now)
        spent = max(0, spent + Double(count))
        capDebt(limit)
    }

    /// Until nothing is spent any more.
    package mutating func reset(of limit: Int, at now: Nanoseconds) -> Nanoseconds {
        flow(limit, now)
        return limit > 0 ? Self.time(spent, of: limit) : 0
    }

    /// How long so many take to flow back, at most two minutes.
    private static func time(_ tokens: Double, of limit: Int) -> Nanoseconds {
        Nanoseconds((tokens * minute / Double(limit)).rounded(.up))
    }

    private mutating func capDebt(_ limit: Int) { spent = min(spent, 2 * Double(limit)) }

    private mutating func flow(_ limit: Int, _ now: Nanoseconds) {
        // First: so that the time since then counts for what is left of the debt, and not for what is let go.
        capDebt(limit)
        // A worker's clock may be a turn behind another's.
        guard now > seen else { return }
        spent = max(0, spent - Double(now - seen) * Double(limit) / Self.minute)
        seen = now
    }
}
