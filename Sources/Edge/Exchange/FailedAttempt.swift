// A failed attempt, with the facts that the choice of the next executor depends on.
internal import Inference
internal import Routing
internal import Transport

/// The facts about an attempt that failed before its answer was ready to be relayed; its executor has been released.
struct FailedAttempt {
    var executor: Executor
    /// The pool that the executor was chosen from.
    var pool: ExecutorPool
    /// How the executor was chosen.
    var placement: Placement
    var failure: Failure
    /// Whether the failure counts against the health of the executor at once, or only after later attempts.
    var verdict = AttemptVerdict.atOnce(.neither)
    /// The time from the start of the attempt to its failure, in nanoseconds.
    var duration: Nanoseconds
    /// Whether the kernel had taken the whole request, or the executor had answered before that.
    var hadRequest = false
    /// The ids of the executors in the pool with the same `kind` as `executor`, if the failure depends on the kind.
    ///
    /// The exchange tries none of these executors. The list is empty if the failure does not depend on the kind, or if
    /// the kind is not known.
    var alike: [Int] = []
    /// Whether the executor's engine lacks the path of the request, and its pools remember that for some time.
    var isPathRemembered = false

    /// Whether the executor's model is being loaded, so that the failure is no reason to give the request up.
    var isLoading = false

    /// Whether the failure allows only one more attempt.
    ///
    /// The value is false if the executor's `kind` is unknown and the pool has learned that this executor lacks the path.
    /// Later requests at the path do not go there, so each executor is tried at most once.
    var isSingle: Bool { failure.retry.isSingle && !(isPathRemembered && alike.isEmpty) }
}
