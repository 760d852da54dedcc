// How many attempts an exchange may still make, and how long the next attempt may take.
internal import Inference
internal import Routing
internal import Transport

/// The limits on the attempts of one exchange, and what the exchange has used of them so far.
struct AttemptAllowance {
    /// The maximum number of attempts of one exchange, whatever the executors answer.
    static let attemptsMax = 6
    /// After this many executors have received the same request and then closed the connection, no other executor gets
    /// the request.
    ///
    /// The request itself may be the cause.
    static let breaksMax = 3
    /// After this many executors have not begun to answer one request in time, no other executor gets the request.
    ///
    /// The request itself may be the cause.
    static let timeoutsMax = 2
    /// The time that an attempt is allowed at least, in nanoseconds, even if earlier attempts have used up the time for
    /// all attempts together.
    ///
    /// If the configured time for all attempts is shorter than this, the attempt is allowed the configured time.
    static let attemptTimeMin: Nanoseconds = 60_000_000_000

    /// How many attempts have begun.
    private(set) var attempts = 0
    /// How many attempts failed because the executor was still loading the model; no limit counts these attempts.
    private var loadingAttempts = 0
    /// The total duration of the failed attempts, in nanoseconds.
    private var duration: Nanoseconds = 0
    /// How many attempts failed in a way that allows only one more attempt, for example because the engine does not
    /// serve the request's path.
    private var singleRetries = 0
    /// How many executors closed the connection after they had the whole request.
    private var breaks = 0
    /// How many executors did not begin to answer in time.
    private var timeouts = 0

    mutating func attemptBegan() { attempts += 1 }

    /// Counts an attempt that failed before its answer was ready to be relayed.
    mutating func attemptFailed(_ failed: FailedAttempt) {
        duration += failed.duration
        if failed.isLoading {
            loadingAttempts += 1
            return
        }
        if failed.isSingle { singleRetries += 1 }
        if failed.hadRequest, [.executorBrokeOff, .executorUnreachable].contains(failed.failure.kind) { breaks += 1 }
        if failed.failure.kind == .firstEventTimeout { timeouts += 1 }
    }

    /// Whether the limits allow the exchange one more attempt.
    ///
    /// - Parameter failure: The failure of the last attempt, which has been counted already; nil before the first
    ///   attempt, and after the exchange has waited without success in a pool's queue.
    func hasLeft(after failure: Failure?) -> Bool {
        guard attempts - loadingAttempts < Self.attemptsMax, breaks < Self.breaksMax, timeouts < Self.timeoutsMax else {
            return false
        }
        guard let failure, failure.retry.isSingle else { return true }
        return singleRetries <= 1
    }

    /// How long the next attempt may take until its answer is ready to be relayed, in nanoseconds.
    ///
    /// The result is `total` minus the duration of the failed attempts and minus `waited`, but at least
    /// `attemptTimeMin`, because a very short attempt would fail in any case. If `total` is less than `attemptTimeMin`,
    /// the result is `total`.
    ///
    /// - Parameters:
    ///   - total: The configured time for all attempts together, in nanoseconds.
    ///   - waited: How long the exchange has waited for an executor to load the model, in nanoseconds.
    func answerTime(total: Nanoseconds, waited: Nanoseconds = 0) -> Nanoseconds {
        let used = duration + waited
        return max(min(total, Self.attemptTimeMin), total > used ? total - used : 0)
    }
}
