// The use of an executor by one attempt. The pool of executors counts the attempt, and gets a report on its outcome.
internal import Routing
internal import Transport

/// The use of one executor by one attempt; the attempt must call `end` when it is over.
///
/// Only the attempt uses this value. The pool has begun to count the attempt before this value is made, and counts it
/// until `end`.
struct ExecutorLease {
    let executor: Executor
    /// The pool from which the executor was chosen.
    let pool: ExecutorPool
    /// When the pool gave the attempt a slot at the executor.
    private let began: Nanoseconds
    /// Why the pool chose the executor, and how much of the prompt the pool expects in the executor's cache.
    let placement: Placement
    private var isHeld = true
    /// Whether the prompt still counts in `Engine.waitingBytes`.
    ///
    /// `Engine.waitingBytes` is the size of all prompts that the engine still has to compute, because their answers
    /// have not begun.
    private var isPromptWaiting = true
    private var isReported = false

    init(executor: Executor, placement: Placement, pool: ExecutorPool, began: Nanoseconds) {
        self.executor = executor
        self.pool = pool
        self.began = began
        self.placement = placement
    }

    /// Reports the outcome of the attempt to the pool, unless an outcome has been reported before.
    ///
    /// Afterwards the prompt no longer counts in `Engine.waitingBytes`, even if this call reported nothing.
    mutating func report(_ outcome: ExecutorPool.Outcome, at now: Nanoseconds) {
        endPrompt()
        guard !isReported else { return }
        isReported = true
        pool.report(outcome, of: executor, at: now)
    }

    /// Reports to the pool how the answer went on after its beginning was reported as `good`: `whole`, `lateFault` or
    /// `busy`.
    ///
    /// The outcome `neither`, which shows nothing about the executor, is not reported.
    mutating func reportLate(_ outcome: ExecutorPool.Outcome, at now: Nanoseconds) {
        guard outcome != .neither else { return }
        endPrompt()
        isReported = true
        pool.report(outcome, of: executor, at: now)
    }

    /// Reports that a streamed answer has begun.
    ///
    /// The pool learns how fast the executor computes prompts from the time between the beginning of the attempt and
    /// this call.
    func answerBegan(at now: Nanoseconds) { pool.answerBegan(placement, of: executor, after: now - min(now, began)) }

    /// Reports how many tokens the executor itself has counted for the whole prompt.
    ///
    /// - Parameter cachedTokens: how many of these tokens were in the executor's cache; nil if it did not say.
    func learn(promptTokens: Int, cachedTokens: Int?) {
        pool.learn(placement, of: executor, promptTokens: promptTokens, cachedTokens: cachedTokens)
    }

    /// Ends the use of the executor: the pool no longer counts the attempt.
    mutating func end(at now: Nanoseconds) {
        report(.neither, at: now)
        guard isHeld else { return }
        isHeld = false
        pool.release(executor, began: began, at: now)
    }

    private mutating func endPrompt() {
        guard isPromptWaiting else { return }
        isPromptWaiting = false
        executor.promptDone(bytes: placement.missingBytes)
    }
}
