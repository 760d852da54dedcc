// The limits of an engine or of an executor that the edge infers from its refusals.
package import Transport

/// The limits of one engine or executor: how many attempts it accepts at once, and for how long it refuses all
/// attempts.
///
/// The edge infers both from refusals: errors which say that the engine or executor is busy, usually with status 429.
/// All times are in nanoseconds.
package struct ExecutorLoad: Sendable {
    /// How long a limit that was inferred from refusals (errors such as status 429) applies after the last refusal.
    ///
    /// The limit does not apply forever, because the engine may have been restarted with another limit.
    static let learntFor: Nanoseconds = 30_000_000_000
    /// How long an engine or executor gets no attempt after a refusal that names no time to wait.
    ///
    /// A refusal is an error such as status 429. This pause applies only if this server had no other attempt under way
    /// at the engine or executor.
    static let pauseDefault: Nanoseconds = 1_000_000_000
    static let pauseMax: Nanoseconds = 3_600_000_000_000

    /// The largest number of attempts at once, as inferred from the last refusal (an error such as status 429); it
    /// applies until `learntUntil`.
    private(set) var learntRunning = Int.max
    private(set) var learntUntil: Nanoseconds = 0
    private(set) var pausedUntil: Nanoseconds = 0

    /// Records that the engine or executor has refused an attempt because it is busy, usually with status 429.
    ///
    /// - Parameters:
    ///   - running: how many other attempts of this server were under way there.
    ///   - pause: the time to wait that the refusal names; nil if it names none.
    mutating func refused(running: Int, pause: Nanoseconds?, at now: Nanoseconds) {
        learntRunning = max(1, running)
        learntUntil = now + Self.learntFor
        let wanted = pause ?? (running < 1 ? Self.pauseDefault : 0)
        pausedUntil = max(pausedUntil, now + min(wanted, Self.pauseMax))
    }
}

extension ExecutorLoad {
    /// The limits in a form that this process hands to its successor in an upgrade.
    ///
    /// The record has durations, in nanoseconds, instead of times, because the clocks of the two processes differ.
    package struct Record: Equatable, Sendable {
        /// The largest number of attempts at once, at least 1; nil if there is no such limit.
        package var learntRunning: Int?
        /// How long the limit of attempts at once (`learntRunning`) still applies after the moment of the record.
        package var learntFor: Nanoseconds = 0
        /// How long no requests may be sent to the engine or executor, counted from the moment of the record; 0 for no
        /// pause.
        package var pausedFor: Nanoseconds = 0

        /// Makes the record of an engine or executor without limits.
        package init() {}
    }

    /// The limits that apply at `now`, for the successor process of an upgrade.
    func record(at now: Nanoseconds) -> Record {
        var record = Record()
        if learntUntil > now { (record.learntRunning, record.learntFor) = (learntRunning, learntUntil - now) }
        record.pausedFor = pausedUntil > now ? pausedUntil - now : 0
        return record
    }

    /// Makes the limits from a record that the predecessor process has just made.
    ///
    /// Durations above `pauseMax` or `learntFor` are reduced to these maximums.
    init(_ record: Record, at now: Nanoseconds) {
        if let learnt = record.learntRunning, record.learntFor > 0 {
            learntRunning = max(1, learnt)
            learntUntil = now + min(record.learntFor, Self.learntFor)
        }
        if record.pausedFor > 0 { pausedUntil = now + min(record.pausedFor, Self.pauseMax) }
    }
}
