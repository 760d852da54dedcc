// A failed attempt, with the facts that the choice of the next executor depends on.
internal import Inference
internal import Routing
internal import Transport

/// The facts about an attempt that failed before its answer was ready to be relayed.
///
/// The attempt has ended, and its slot at the executor is free again.
struct FailedAttempt {
    var executor: Executor
    /// The pool that the executor was chosen from.
    var pool: ExecutorPool
    /// Why the pool chose this executor.
    var placement: Placement
    var failure: Failure
    /// How the failure counts for the health of the executor, or that only later attempts show whether it counts.
    var verdict = AttemptVerdict.atOnce(.neither)
    /// The time from the start of the attempt to its failure, in nanoseconds.
    var duration: Nanoseconds
    /// Whether the whole request was written to the socket before the attempt failed.
    ///
    /// The value is also true if the executor began to answer before it had the whole request.
    var hadRequest = false
    /// The ids of the pool's executors that would fail in the same way, because their engines run the same software.
    ///
    /// The exchange tries none of these executors. The list is empty if the failure does not depend on the software, or
    /// if the software of the engine is not known.
    var alike: [Int] = []
    /// Whether the engine does not serve the path of the request, and the pools will remember that for some time.
    var isPathRemembered = false

    /// Whether the executor is still loading the model and the exchange may wait until the model is loaded.
    var isLoading = false

    /// Whether the failure allows only one more attempt.
    ///
    /// If the engine does not serve the path, usually one more attempt is allowed, at an engine that runs other
    /// software. More attempts are allowed if the software is not known (`alike` is empty) and the pools remember that
    /// the executor lacks the path. Later requests at the path then avoid this executor, so each executor fails in this
    /// way only once for some time.
    var isSingle: Bool { failure.retry.isSingle && !(isPathRemembered && alike.isEmpty) }
}
