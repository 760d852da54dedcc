// How many attempts an exchange may still make, and how long the next one may take.
internal import Inference
internal import Routing
internal import Transport

/// The limits on the attempts of one exchange, and how much of them it has used.
struct AttemptAllowance {
    /// The maximum number of attempts of one exchange, whatever the executors answer.
    static let attemptsMax = 6
    /// After this many executors have broken off the connection on one request, the request itself is suspected.
    static let breaksMax = 3
    /// After this many executors have not begun to answer one request in time, the request itself is suspected.
    static let timeoutsMax = 2
    /// The minimum time for an attempt, however long earlier attempts took; in nanoseconds.
    static let attemptTimeMin: Nanoseconds = 60_000_000_000

    /// How many attempts have begun.
    private(set) var attempts = 0
    /// How long the attempts that failed have taken together, in nanoseconds.
    private var duration: Nanoseconds = 0
    /// How many failures were of a kind after which only one more attempt is allowed.
    private var singleRetries = 0
    /// How many executors closed the connection after they had the whole request.
    private var breaks = 0
    /// How many executors did not begin to answer in time.
    private var timeouts = 0

    mutating func attemptBegan() { attempts += 1 }

    /// Counts an attempt that failed before its answer was ready.
    mutating func attemptFailed(_ failed: FailedAttempt) {
        duration += failed.duration
        if failed.failure.retry.isSingle { singleRetries += 1 }
        if failed.hadRequest, [.executorBrokeOff, .executorUnreachable].contains(failed.failure.kind) { breaks += 1 }
        if failed.failure.kind == .firstEventTimeout { timeouts += 1 }
    }

    /// Whether there may be one more attempt.
    ///
    /// - Parameter failure: The failure that has just been counted; nil if the request has just arrived or has waited.
    func hasLeft(after failure: Failure?) -> Bool {
        guard attempts < Self.attemptsMax, breaks < Self.breaksMax, timeouts < Self.timeoutsMax else { return false }
        guard let failure, failure.retry.isSingle else { return true }
        return singleRetries <= 1
    }

    /// How long the next attempt may take until its answer is ready, in nanoseconds.
    ///
    /// That is the rest of `total`, but at least `attemptTimeMin`, since a shorter attempt would fail in any case. If
    /// `total` is shorter than `attemptTimeMin`, `total` is the minimum.
    ///
    /// - Parameter total: The configured time for all attempts together, in nanoseconds.
    func answerTime(total: Nanoseconds) -> Nanoseconds {
        max(min(total, Self.attemptTimeMin), total > duration ? total - duration : 0)
    }
}
