// How many attempts an engine or an executor takes at once, as learnt from its own refusals.
internal import Transport

/// The limits learnt from 429s, as a value; times are in nanoseconds.
struct ExecutorLoad: Sendable {
    /// A learnt limit is forgotten after so long without another refusal, since engines are restarted with other
    /// limits.
    static let learntFor: Nanoseconds = 30_000_000_000
    /// How long one is left alone that refuses without `retry-after` while it runs nothing of ours.
    static let pauseDefault: Nanoseconds = 1_000_000_000
    static let pauseMax: Nanoseconds = 3_600_000_000_000

    /// How many attempts it takes at once, until `learntUntil`.
    private(set) var learntRunning = Int.max
    private(set) var learntUntil: Nanoseconds = 0
    private(set) var pausedUntil: Nanoseconds = 0

    /// It has refused an attempt while it ran `running` others of ours.
    mutating func refused(running: Int, pause: Nanoseconds?, at now: Nanoseconds) {
        learntRunning = max(1, running)
        learntUntil = now + Self.learntFor
        let wanted = pause ?? (running < 1 ? Self.pauseDefault : 0)
        pausedUntil = max(pausedUntil, now + min(wanted, Self.pauseMax))
    }
}
