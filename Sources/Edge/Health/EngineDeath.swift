// What the workers learn about an engine that health probes have found dead, and which attempts at the engine are
// ended.
internal import Inference
internal import Routing
internal import Transport

/// Why an engine is considered dead (`Engine.isDead`).
package struct EngineDeath: Sendable {
    /// How the last probe failed, for logs.
    let reason: String
    /// Whether the connection of the last failed probe was refused, reset or closed.
    ///
    /// If so, the engine's process has probably ended.
    let isRefusal: Bool
}

extension Attempt {
    /// Whether the attempt must end because its engine is dead.
    ///
    /// An attempt that has received bytes within `ExecutorHealth.silenceMax` continues, whatever the probes say. An
    /// attempt that has received no byte ends at once if `death.isRefusal` is true.
    func isLost(by death: EngineDeath, at now: Nanoseconds) -> Bool {
        guard phase == .waiting || phase == .relaying, isReading else { return false }
        if lastHeard == 0, death.isRefusal { return true }
        return now >= silentSince + ExecutorHealth.silenceMax
    }
}

extension Exchange {
    /// Ends the attempt of this exchange if the attempt is at the dead engine and `isLost` is true.
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
