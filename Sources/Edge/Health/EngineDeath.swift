// Why an engine is taken for dead, as the workers hear it.
internal import Inference
internal import Routing
internal import Transport

/// What the probes of a dead engine came to; see `Engine.isDead`.
package struct EngineDeath: Sendable {
    /// What became of the last probe, for logs.
    let reason: String
    /// The last probe was refused or reset: there is no process that would still answer.
    let isRefusal: Bool
}

extension Attempt {
    /// Whether the death of its engine ends the attempt.
    ///
    /// One that has been given bytes within `ExecutorHealth.silenceMax` is never ended, whatever the probes say. One that
    /// has been given none at all ends at once where the engine refuses connections.
    func isLost(by death: EngineDeath, at now: Nanoseconds) -> Bool {
        guard phase == .waiting || phase == .relaying, isReading else { return false }
        if lastHeard == 0, death.isRefusal { return true }
        return now >= silentSince + ExecutorHealth.silenceMax
    }
}

extension Exchange {
    /// The engine is dead: an attempt there of which nothing is heard goes on elsewhere, or ends.
    func engineDied(_ engine: Engine, _ death: EngineDeath) {
        guard let attempt, attempt.executor.engine === engine, attempt.isLost(by: death, at: now) else { return }
        var failure = Failure(.executorBrokeOff)
        failure.detail = "its engine is dead: \(death.reason)"
        if machine.mayRetry {
            attemptFailed(failure)
        } else {
            handle(.executorBroke(failure))
        }
    }
}
