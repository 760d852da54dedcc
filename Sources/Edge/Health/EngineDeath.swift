// What the workers are told when health probes have found an engine dead, and which attempts at the engine then end.
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
    /// It must end if the engine has sent nothing for `ExecutorHealth.silenceMax`. It must end at once if the engine
    /// has not sent any byte yet, and `death.isRefusal` is true. While the edge has paused reading, the attempt never
    /// has to end, because no bytes can arrive.
    func isLost(by death: EngineDeath, at now: Nanoseconds) -> Bool {
        guard phase == .waiting || phase == .relaying, isReading else { return false }
        if lastHeard == 0, death.isRefusal { return true }
        return now >= silentSince + ExecutorHealth.silenceMax
    }
}

extension Exchange {
    /// Ends this exchange's attempt, if it is at the dead engine and must end (`isLost`).
    ///
    /// If the client has received nothing of the answer, the exchange may try another executor. Otherwise the exchange
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
