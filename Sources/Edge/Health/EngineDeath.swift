// What the workers learn when health probes have found an engine dead, and which attempts at the engine then end.
internal import Inference
internal import Routing
internal import Transport

/// Why the health probes consider an engine dead (`Engine.isDead`).
package struct EngineDeath: Sendable {
    /// How the last probe failed, in words for the log.
    let reason: String
    /// Whether the connection of the last failed probe was refused, reset or closed.
    ///
    /// If so, the engine's process has probably ended.
    let isRefusal: Bool
}

extension Attempt {
    /// Whether the attempt must end, because health probes have found its engine dead.
    ///
    /// The attempt must end if no byte of its answer has arrived for `ExecutorHealth.silenceMax`. It must end at once
    /// if the answer has not begun, and the last probe's connection was refused, reset or closed. While the edge has
    /// paused reading from the engine, the attempt goes on, because no bytes can arrive then.
    func isLost(by death: EngineDeath, at now: Nanoseconds) -> Bool {
        guard phase == .waiting || phase == .relaying, isReading else { return false }
        if lastHeard == 0, death.isRefusal { return true }
        return now >= silentSince + ExecutorHealth.silenceMax
    }
}

extension Exchange {
    /// Ends this exchange's attempt, if it is at the dead engine and must end (`isLost`).
    ///
    /// If the edge has relayed nothing of the answer, the exchange may try another executor. Otherwise the exchange
    /// ends with a failure.
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
