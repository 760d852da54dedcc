// Whether an attempt that failed is charged to its executor at once, or only after the next attempt has shown more.
internal import Inference
internal import Routing
internal import Transport

/// The conclusion about its executor that a failed attempt allows.
enum AttemptVerdict: Equatable {
    /// The pool is told at once.
    case atOnce(ExecutorPool.Outcome)
    /// The request may be to blame: the exchange keeps the charge until it knows, see `PendingCharges`.
    ///
    /// - Parameters:
    ///   - onlyIfMended: nothing is charged unless another executor answers the same request well.
    ///   - servesOthers: bytes of the engine for others have arrived lately.
    case pending(FaultScope, onlyIfMended: Bool, servesOthers: Bool)
}

extension Attempt {
    /// The verdict on this failure; to be asked when the failure is found, since it depends on what the engine does then.
    func verdict(on failure: Failure) -> AttemptVerdict {
        // One that is tried after faults has no claim to the benefit of the doubt.
        if case .trial = executor.health {
            return .atOnce(failure.charge == .suspect ? .fault(.answer) : outcome(of: failure))
        }
        switch failure.charge {
        case .none, .busy, .timeout: return .atOnce(outcome(of: failure))
        case .connection:
            // That it cannot be reached is no doing of a request; that it broke off may be.
            guard hasRequest, failure.kind != .executorUnreachable, failure.kind != .executorCertificate else {
                return .atOnce(outcome(of: failure))
            }
            return .pending(.connection, onlyIfMended: false, servesOthers: isEngineHeardElsewhere)
        case .answer: return .pending(.answer, onlyIfMended: false, servesOthers: servesOthers(since: 0))
        case .suspect: return .pending(.answer, onlyIfMended: true, servesOthers: true)
        }
    }

    private func outcome(of failure: Failure) -> ExecutorPool.Outcome {
        if isConnectTimedOut { return .fault(.connectTimeout) }
        return failure.charge == .timeout ? timeoutOutcome : failure.outcome
    }

    /// The outcome of an attempt whose deadline has passed: an engine that answers others meanwhile is busy, not at fault.
    var timeoutOutcome: ExecutorPool.Outcome { servesOthers(since: times.began) ? .neither : .fault(.timeout) }

    /// Whether the engine has sent bytes of good answers lately, and after `moment`.
    private func servesOthers(since moment: Nanoseconds) -> Bool {
        let last = executor.engine.lastServed
        // Bytes of this attempt's own answer are no sign of others.
        return last > max(moment, phase == .waiting ? 0 : lastHeard) && now < last + ExecutorHealth.silenceMax
    }

    /// Whether anything of the engine has arrived lately but what this attempt has had: answers to others, or to probes.
    private var isEngineHeardElsewhere: Bool {
        let last = executor.engine.lastHeard
        return servesOthers(since: 0) || last > lastHeard && now < last + ExecutorHealth.silenceMax
    }
}
