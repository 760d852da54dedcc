// How much an engine or an executor takes at once, as its own refusals have taught.
internal import Transport

/// What 429s have taught, as a value.
struct ExecutorLoad: Sendable {
    /// What was learnt is forgotten after so long without another refusal: engines are restarted with other limits.
    static let learntFor: Nanoseconds = 30_000_000_000
    /// One that runs nothing of ours and refuses all the same is left alone for so long, if it says nothing.
    static let pauseDefault: Nanoseconds = 1_000_000_000
    static let pauseMax: Nanoseconds = 3_600_000_000_000

    /// Attempts at once, until `learntUntil`.
    private(set) var learntRunning = Int.max
    private(set) var learntUntil: Nanoseconds = 0
    private(set) var pausedUntil: Nanoseconds = 0

    /// It said that it is busy while it ran `running` others of ours.
    mutating func refused(running: Int, pause: Nanoseconds?, at now: Nanoseconds) {
        learntRunning = max(1, running)
        learntUntil = now + Self.learntFor
        let wanted = pause ?? (running < 1 ? Self.pauseDefault : 0)
        pausedUntil = max(pausedUntil, now + min(wanted, Self.pauseMax))
    }
}
