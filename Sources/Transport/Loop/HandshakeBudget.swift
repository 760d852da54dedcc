// How much CPU time the TLS handshakes of clients may take from a worker that has streams under way.

/// A token bucket of CPU time for the handshakes of one event loop.
///
/// A handshake may begin while the credit is above 0. Its cost is measured and charged afterwards. So, in any period,
/// handshakes take at most a quarter of the time (`share`), plus `burst`, plus the cost of one handshake.
package struct HandshakeBudget: Sendable {
    /// How many nanoseconds must pass until handshakes may take one more nanosecond of CPU time.
    package static let share: Nanoseconds = 4
    /// The largest amount of CPU time that handshakes can save up, in nanoseconds: 0.5 ms.
    ///
    /// In one turn, the loop runs waiting handshakes for about this time at most, because its other work has to wait.
    package static let burst: Nanoseconds = 500_000
    /// How far the credit may fall below 0, in nanoseconds: 16 ms.
    ///
    /// The cost of a handshake is measured by the clock, so it includes time in which the kernel did not run the
    /// thread. Without this bound, one such measurement would block handshakes for a long time.
    package static let debtMax: Nanoseconds = 16_000_000

    /// The CPU time that handshakes may still take, in nanoseconds; negative if earlier handshakes have taken too much.
    private var credit = Int(burst)
    private var updatedAt: Nanoseconds = 0

    package init() {}

    /// Whether a handshake may begin at `now`.
    package mutating func hasCredit(at now: Nanoseconds) -> Bool {
        refill(now)
        return credit > 0
    }

    /// Subtracts from the credit the measured cost of a step of a handshake, which ended at `now`.
    package mutating func charge(_ cost: Nanoseconds, at now: Nanoseconds) {
        refill(now)
        credit = max(credit - Int(min(cost, Self.burst + Self.debtMax)), -Int(Self.debtMax))
    }

    private mutating func refill(_ now: Nanoseconds) {
        // `now` may be the time at the beginning of the turn, which is earlier than the end of the last handshake.
        guard now > updatedAt else { return }
        let earned = (now - updatedAt) / Self.share
        // If the elapsed time earns less than a nanosecond, `updatedAt` stays, so that the next call counts this time.
        guard earned > 0 else { return }
        credit = min(credit + Int(min(earned, Self.burst + Self.debtMax)), Int(Self.burst))
        updatedAt = now
    }
}
