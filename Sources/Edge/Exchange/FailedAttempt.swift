// An attempt that failed before its answer was ready, as the choice of the next executor needs to know it.
internal import Inference
internal import Routing
internal import Transport

/// The facts about a failed attempt; made by the exchange once the executor has been released.
struct FailedAttempt {
    var executor: Executor
    /// The pool that the executor was chosen from.
    var pool: ExecutorPool
    var failure: Failure
    /// Whether the failure is charged to the executor at once, or only when later attempts show whose fault it was.
    var verdict = AttemptVerdict.atOnce(.neither)
    /// The time from the start of the attempt to its failure, in nanoseconds.
    var duration: Nanoseconds
    /// Whether the executor had received the whole request.
    var hadRequest = false
    /// Ids of other executors that would fail in the same way, such as those of the same kind.
    var alike: [Int] = []
}
