// How many attempts an engine or an executor accepts at once, as learned from its refusals with status 429.
package import Transport

/// The limits of one engine or executor that this server has learned from its responses with status 429.
///
/// All times are in nanoseconds.
package struct ExecutorLoad: Sendable {
    /// How long a learned limit applies after the last refusal.
    ///
    /// A limit does not apply for ever, because the engine may have been restarted with another limit.
    static let learntFor: Nanoseconds = 30_000_000_000
    /// The pause after a refusal without `retry-after`, if the refused attempt was this server's only one under way.
    static let pauseDefault: Nanoseconds = 1_000_000_000
    static let pauseMax: Nanoseconds = 3_600_000_000_000

    /// The learned limit: the largest number of attempts at once; it applies until `learntUntil`.
    private(set) var learntRunning = Int.max
    private(set) var learntUntil: Nanoseconds = 0
    private(set) var pausedUntil: Nanoseconds = 0

    /// Records that an attempt was refused while `running` other attempts of this server were under way.
    ///
    /// - Parameter pause: the time to wait that the refusal names; nil if it names none.
    mutating func refused(running: Int, pause: Nanoseconds?, at now: Nanoseconds) {
        learntRunning = max(1, running)
        learntUntil = now + Self.learntFor
        let wanted = pause ?? (running < 1 ? Self.pauseDefault : 0)
        pausedUntil = max(pausedUntil, now + min(wanted, Self.pauseMax))
    }
}

extension ExecutorLoad {
    /// The limits at one moment, in a form for another process.
    ///
    /// Durations, in nanoseconds, take the place of times, because the clock of the other process shows other times.
    package struct Record: Equatable, Sendable {
        /// The learned limit, at least 1; nil if none applies.
        package var learntRunning: Int?
        /// How long the learned limit still applies.
        package var learntFor: Nanoseconds = 0
        /// How long after the moment of the record no requests may be sent to the engine or executor; 0 if there is no
        /// such pause.
        package var pausedFor: Nanoseconds = 0

        /// The record of an engine or executor without learned limits.
        package init() {}
    }

    /// The limits at `now`.
    func record(at now: Nanoseconds) -> Record {
        var record = Record()
        if learntUntil > now { (record.learntRunning, record.learntFor) = (learntRunning, learntUntil - now) }
        record.pausedFor = pausedUntil > now ? pausedUntil - now : 0
        return record
    }

    /// Makes the limits from a record that another process has just made.
    ///
    /// A pause longer than `pauseMax`, or a longer rest of a limit than `learntFor`, is shortened to that maximum.
    init(_ record: Record, at now: Nanoseconds) {
        if let learnt = record.learntRunning, record.learntFor > 0 {
            learntRunning = max(1, learnt)
            learntUntil = now + min(record.learntFor, Self.learntFor)
        }
        if record.pausedFor > 0 { pausedUntil = now + min(record.pausedFor, Self.pauseMax) }
    }
}
