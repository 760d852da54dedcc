// A place at an executor, as one attempt holds it: taken by the pool, given back once, with what the attempt showed.
internal import Routing
internal import Transport

/// Confined to its attempt; a value with a duty: whoever has it calls `end` once.
///
/// The pool has counted the attempt before the lease is made.
struct ExecutorLease {
    let executor: Executor
    /// The pool that it was chosen from.
    let pool: ExecutorPool
    /// When the pool has counted it.
    private let began: Nanoseconds
    private let promptBytes: Int
    private var isHeld = true
    private var isPromptWaiting = true
    private var isReported = false

    init(executor: Executor, pool: ExecutorPool, began: Nanoseconds, promptBytes: Int) {
        self.executor = executor
        self.pool = pool
        self.began = began
        self.promptBytes = promptBytes
    }

    /// Reports to the pool how the executor did; only the first report of an attempt counts.
    mutating func report(_ outcome: ExecutorPool.Outcome, at now: Nanoseconds) {
        endPrompt()
        guard !isReported else { return }
        isReported = true
        pool.report(outcome, of: executor, at: now)
    }

    /// Reports what the executor has shown after `good`: `whole`, `lateFault` or `busy`; `neither` is not reported.
    mutating func reportLate(_ outcome: ExecutorPool.Outcome, at now: Nanoseconds) {
        guard outcome != .neither else { return }
        endPrompt()
        isReported = true
        pool.report(outcome, of: executor, at: now)
    }

    /// The attempt is over, and its place is for others.
    mutating func end(at now: Nanoseconds) {
        report(.neither, at: now)
        guard isHeld else { return }
        isHeld = false
        pool.release(executor, began: began, at: now)
    }

    private mutating func endPrompt() {
        guard isPromptWaiting else { return }
        isPromptWaiting = false
        executor.promptDone(bytes: promptBytes)
    }
}
