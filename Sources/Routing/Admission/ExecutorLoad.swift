// How many attempts an engine or an executor takes at once, as learnt from its own refusals.
internal import Transport

/// The limits learnt from 429s, as a value; times are in nanoseconds.
struct ExecutorLoad: Sendable {
    /// How long a learnt limit holds after the last refusal; an engine may have been restarted with another limit.
    static let learntFor: Nanoseconds = 30_000_000_000
    /// The pause after a refusal without `retry-after` by an engine or executor that runs no attempt of ours.
    static let pauseDefault: Nanoseconds = 1_000_000_000
    static let pauseMax: Nanoseconds = 3_600_000_000_000

    /// How many attempts it takes at once; holds until `learntUntil`.
    private(set) var learntRunning = Int.max
    private(set) var learntUntil: Nanoseconds = 0
    private(set) var pausedUntil: Nanoseconds = 0

    /// Records that an attempt was refused while `running` others of ours were under way.
    mutating func refused(running: Int, pause: Nanoseconds?, at now: Nanoseconds) {
        learntRunning = max(1, running)
        learntUntil = now + Self.learntFor
        let wanted = pause ?? (running < 1 ? Self.pauseDefault : 0)
        pausedUntil = max(pausedUntil, now + min(wanted, Self.pauseMax))
    }
}
