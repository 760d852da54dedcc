// What the workers learn about an engine that its health probes find dead, and which attempts at it are ended.
internal import Inference
internal import Routing
internal import Transport

/// Why an engine is considered dead (`Engine.isDead`).
package struct EngineDeath: Sendable {
    /// How the last probe failed, for logs.
    let reason: String
    /// Whether the last probe was refused or reset, which shows that no process is left that could still answer.
    let isRefusal: Bool
}

extension Attempt {
    /// Whether the attempt is lost now that its engine is dead.
    ///
    /// An attempt that has received bytes within `ExecutorHealth.silenceMax` is not lost, whatever the probes say. An
    /// attempt that has received none is lost at once if the engine refuses connections.
    func isLost(by death: EngineDeath, at now: Nanoseconds) -> Bool {
        guard phase == .waiting || phase == .relaying, isReading else { return false }
        if lastHeard == 0, death.isRefusal { return true }
        return now >= silentSince + ExecutorHealth.silenceMax
    }
}

extension Exchange {
    /// Ends the attempt if its engine is dead and the attempt is lost: another executor is tried if that is still
    /// possible.
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
