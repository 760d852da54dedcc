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
    /// Whether the failure counts against the health of the executor at once, or only if later attempts show its fault.
    var verdict = AttemptVerdict.atOnce(.neither)
    /// The time from the start of the attempt to its failure, in nanoseconds.
    var duration: Nanoseconds
    /// Whether the whole request had been written to the socket, or the executor had answered before that.
    var hadRequest = false
    /// The ids of the pool's executors that would fail in the same way, because their engines run the same software.
    ///
    /// The exchange tries none of these executors. The list is empty if the failure does not depend on the software, or
    /// if the software of the engine is not known.
    var alike: [Int] = []
    /// Whether the engine does not serve the path of the request, and the pools will remember that for some time.
    var isPathRemembered = false

    /// Whether the executor is still loading the model, so that the request should not be given up.
    var isLoading = false

    /// Whether the failure allows only one more attempt.
    ///
    /// A path that the engine does not serve usually allows one more attempt, at other software. More attempts are
    /// allowed if the software is not known (`alike` is empty) and the pools remember the missing path. Later requests
    /// at the path then avoid the engine, so each engine fails in this way only once for some time.
    var isSingle: Bool { failure.retry.isSingle && !(isPathRemembered && alike.isEmpty) }
}
