// What an exchange does next when it has no executor: the one policy of retries, waiting and fallback models.
package import Inference

/// A pure function from what has happened to the next step.
///
/// `ExecutorSelection` asks it, asks the pool that it names, and asks it again with the pool's answer. The table in
/// docs/life-of-an-exchange.md is this function, written out; a test compares them.
package enum RetryPolicy {
    /// Why the exchange has no executor.
    package enum Cause: Equatable, Sendable {
        /// The request has just been read.
        case arrival
        /// An attempt failed before anything of its answer was relayed.
        case failure(Failure.Retry)
        /// The exchange has waited in a queue until its time was over.
        case waitOver
        /// The exchange had to leave a queue for one of another tenant.
        case gaveWay
    }

    package struct Situation: Equatable, Sendable {
        package var cause: Cause
        /// The limits on attempts, by number and by time, leave one more; a failure that is worth one attempt only has
        /// not had it.
        package var attemptsAreLeft = true
        /// The retry budget has a place for this exchange.
        package var budgetHasRoom = true
        /// The exchange has waited for less than `admission.max_wait` in all.
        package var waitIsLeft = true
        /// How many pools there are: that of the model, then those of its fallbacks.
        package var pools: Int
        /// How many of them have been asked without success, in order.
        package var asked = 0

        package init(
            _ cause: Cause,
            attemptsAreLeft: Bool = true,
            budgetHasRoom: Bool = true,
            waitIsLeft: Bool = true,
            pools: Int,
            asked: Int = 0
        ) {
            self.cause = cause
            self.attemptsAreLeft = attemptsAreLeft
            self.budgetHasRoom = budgetHasRoom
            self.waitIsLeft = waitIsLeft
            self.pools = pools
            self.asked = asked
        }
    }

    package enum Step: Equatable, Sendable {
        /// Ask this pool for an executor, or for a place in its queue if `mayWait`.
        case ask(pool: Int, mayWait: Bool)
        /// Wait until the retry budget has room.
        case waitForBudget
        /// Nothing is left to try: tell the client.
        case tell
    }

    /// The next step.
    ///
    /// A pool that is merely full is waited for before the next pool is asked, whether or not an attempt has failed
    /// before: a busy executor is not a dead one, and another model is not what the client asked for.
    package static func next(_ situation: Situation) -> Step {
        var mayWait = situation.waitIsLeft
        switch situation.cause {
        case .arrival, .gaveWay: break
        case .failure(.never): return .tell
        case .failure(let retry):
            guard situation.attemptsAreLeft else { return .tell }
            if retry.needsBudget, !situation.budgetHasRoom { return mayWait ? .waitForBudget : .tell }
        case .waitOver: mayWait = false
        }
        guard situation.asked < situation.pools else { return .tell }
        return .ask(pool: situation.asked, mayWait: mayWait)
    }

    /// What the client is told when nothing is left to try.
    package enum Told: Equatable, Sendable {
        /// The failure of the last attempt.
        case failure
        /// 429 `queue_full`: a pool is full, and its queue takes no more or would take too long.
        case queueFull
        /// 429 `queue_timeout`: a pool is full, and the exchange has waited for as long as it may.
        case queueTimeout
        /// 503 `no_executor`: there is no executor at all.
        case noExecutor
    }

    /// - Parameters:
    ///   - wasFull: a pool that was asked was full, so that waiting could have helped.
    ///   - saysBusy: the failed executor said that it is busy, which already says when to come back; or its failure may be
    ///     the request's own, which no place in a queue would mend.
    package static func told(_ cause: Cause, wasFull: Bool, saysBusy: Bool, waitIsLeft: Bool) -> Told {
        switch cause {
        case .waitOver: .queueTimeout
        case .gaveWay: .queueFull
        case .arrival: wasFull ? .queueFull : .noExecutor
        case .failure:
            if !wasFull || saysBusy { .failure } else { waitIsLeft ? .queueFull : .queueTimeout }
        }
    }
}

extension Failure.Retry {
    /// Whether the retry budget must have room for the attempt that follows.
    package var needsBudget: Bool {
        switch self {
        case .withinBudget, .once: true
        case .never, .elsewhere, .otherKind: false
        }
    }

    /// Whether a second failure of this sort is told.
    package var isLastTry: Bool { self == .once || self == .otherKind }
}
