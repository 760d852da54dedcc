// The message to the workers that an engine is dead, and the rule by which they end their attempts at the engine.
internal import Inference
internal import Routing
internal import Transport

/// Why health probes have found an engine dead (`Engine.isDead`).
package struct EngineDeath: Sendable {
    /// How the last probe failed, in words for the log.
    let reason: String
    /// Whether the connection of the last failed probe was refused, reset or closed.
    ///
    /// If so, the engine's process has probably ended.
    let isRefusal: Bool
}

extension Attempt {
    /// Whether the attempt must end because its engine is dead; `death` says why.
    ///
    /// An attempt must end if it has waited for bytes for `ExecutorHealth.silenceMax`. If `death.isRefusal` is true and
    /// no byte has arrived yet, the attempt must end at once. While reading is paused, it continues.
    func isLost(by death: EngineDeath, at now: Nanoseconds) -> Bool {
        guard phase == .waiting || phase == .relaying, isReading else { return false }
        if lastHeard == 0, death.isRefusal { return true }
        return now >= silentSince + ExecutorHealth.silenceMax
    }
}

extension Exchange {
    /// Ends this exchange's attempt if it is at the dead engine and `isLost` is true.
    ///
    /// If nothing of the answer has been relayed, the exchange may try another executor. Otherwise the exchange ends
    /// with a failure.
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
