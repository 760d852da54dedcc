// Decides what an exchange without an executor does next: retry, wait, ask a fallback model, or report a failure.
package import Inference

/// A pure function from the situation of an exchange to its next step.
///
/// `ExecutorSelection` calls `next`, asks the pool that the step names, and calls `next` again if that pool has no
/// executor. docs/life-of-an-exchange.md shows these functions as tables; a test compares the tables with the
/// functions.
package enum RetryPolicy {
    /// Why an executor must be chosen for the exchange now.
    package enum Cause: Equatable, Sendable {
        /// The request has just been read, or it has left the queue of a pool that no longer has an executor for it.
        case arrival
        /// An attempt failed before anything of its answer was relayed.
        case failure(Failure.Retry)
        /// The exchange has waited for as long as `admission.max_wait` allows.
        case waitOver
        /// The exchange had to leave a queue to make room for an exchange of a higher priority class or of another
        /// tenant.
        case gaveWay
    }

    /// The facts about an exchange on which its next step depends.
    package struct Situation: Equatable, Sendable {
        /// Why the exchange has no executor.
        package var cause: Cause
        /// Whether the limits of `AttemptAllowance` allow one more attempt.
        package var attemptsAreLeft = true
        /// Whether the retry budget, a limit on all retries of the process, allows this exchange a retry.
        package var budgetHasRoom = true
        /// Whether the exchange has waited for less than `admission.max_wait` in all.
        package var waitIsLeft = true
        /// The number of pools: the pool of the model, and the pools of its fallback models.
        package var pools: Int
        /// The index of the next pool to ask.
        ///
        /// The pools before this index have no executor for the exchange. The value is `pools` if no pool is left.
        package var asked = 0

        /// Makes a situation; by default, another attempt, a retry and a wait are allowed, and no pool has been asked.
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

    /// What the exchange does next.
    package enum Step: Equatable, Sendable {
        /// Ask the pool at this index for an executor.
        ///
        /// If `mayWait` is true and the pool's executors are full, the exchange may wait in the pool's queue.
        case ask(pool: Int, mayWait: Bool)
        /// Wait until the retry budget allows a retry.
        case waitForBudget
        /// Nothing is left to try: report a failure to the client.
        case report
    }

    /// Decides on the next step.
    ///
    /// The exchange waits in the queue of a full pool before it asks the next pool, even if an attempt has failed
    /// before. A busy executor can still answer, while the next pool serves a model that the client did not ask for.
    package static func next(_ situation: Situation) -> Step {
        var mayWait = situation.waitIsLeft
        switch situation.cause {
        case .arrival, .gaveWay: break
        case .failure(.never): return .report
        case .failure(let retry):
            guard situation.attemptsAreLeft else { return .report }
            if retry.needsBudget, !situation.budgetHasRoom { return mayWait ? .waitForBudget : .report }
        case .waitOver: mayWait = false
        }
        guard situation.asked < situation.pools else { return .report }
        return .ask(pool: situation.asked, mayWait: mayWait)
    }

    /// The failure that is reported to the client when nothing is left to try.
    package enum Report: Equatable, Sendable {
        /// The failure of the last attempt.
        case failure
        /// 429 `queue_full`: all executors of a pool are busy, and its queue is full or the wait would be too long.
        case queueFull
        /// 429 `queue_timeout`: the exchange has waited for as long as `admission.max_wait` allows.
        case queueTimeout
        /// 503 `no_executor`: no pool has an executor to which the request may go.
        case noExecutor
    }

    /// Chooses the failure that is reported when the next step is `report`.
    ///
    /// - Parameters:
    ///   - wasFull: Whether one of the asked pools was full, so that a longer wait could have helped.
    ///   - saysBusy: Whether the failure of the attempt is reported even if a pool was full. It is true if the executor
    ///     has reported that it is busy, or if the failure allows only one more attempt.
    package static func report(_ cause: Cause, wasFull: Bool, saysBusy: Bool, waitIsLeft: Bool) -> Report {
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
    /// Whether the retry budget, a limit on all retries of the process, must allow an attempt after this failure.
    package var needsBudget: Bool {
        switch self {
        case .withinBudget, .once: true
        case .never, .elsewhere, .otherKind: false
        }
    }

    /// Whether this failure allows only one more attempt.
    ///
    /// If that attempt fails in the same way, the client gets its failure.
    package var isSingle: Bool { self == .once || self == .otherKind }
}
