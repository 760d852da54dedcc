// Whether the failure of an attempt is charged to its executor at once, or only when the next attempt has shown more.
internal import Inference
internal import Routing
internal import Transport

/// What a failed attempt shows about its executor.
enum AttemptVerdict: Equatable {
    /// The outcome is reported to the pool at once.
    case atOnce(ExecutorPool.Outcome)
    /// The request may have caused the failure, so the exchange keeps the charge until later attempts show whose fault
    /// it was; see `PendingCharges`.
    ///
    /// - Parameters:
    ///   - onlyIfMended: The charge is dropped unless another executor answers the same request.
    ///   - servesOthers: Bytes of the engine for other requests have arrived lately.
    case pending(FaultScope, onlyIfMended: Bool, servesOthers: Bool)
}

extension Attempt {
    /// Decides whose fault a failure is; called as soon as the failure is found, since what the engine sends for other
    /// requests at that time is evidence.
    func verdict(on failure: Failure) -> AttemptVerdict {
        // An executor that was ejected gets one trial request first. If that fails, the executor is charged at once,
        // even though the request may have caused the failure.
        if case .trial = executor.health {
            return .atOnce(failure.charge == .suspect ? .fault(.answer) : outcome(of: failure))
        }
        switch failure.charge {
        case .none, .busy, .timeout: return .atOnce(outcome(of: failure))
        case .connection:
            // A request cannot make a connection attempt fail, but it can make the engine close the connection.
            guard hasRequest, failure.kind != .executorUnreachable, failure.kind != .executorCertificate else {
                return .atOnce(outcome(of: failure))
            }
            return .pending(.connection, onlyIfMended: false, servesOthers: isEngineHeardElsewhere)
        case .answer: return .pending(.answer, onlyIfMended: false, servesOthers: servesOthers(since: 0))
        case .suspect: return .pending(.answer, onlyIfMended: true, servesOthers: true)
        }
    }

    /// The outcome that is reported at once for a failure.
    private func outcome(of failure: Failure) -> ExecutorPool.Outcome {
        if isConnectTimedOut { return .fault(.connectTimeout) }
        return failure.charge == .timeout ? timeoutOutcome : failure.outcome
    }

    /// The outcome of a missed deadline: an engine that answers other requests meanwhile is busy, not at fault.
    var timeoutOutcome: ExecutorPool.Outcome { servesOthers(since: times.began) ? .neither : .fault(.timeout) }

    /// Whether the engine has sent bytes of good answers to other requests after `moment`, and within the last
    /// `ExecutorHealth.silenceMax`.
    private func servesOthers(since moment: Nanoseconds) -> Bool {
        let last = executor.engine.lastServed
        // The bytes of this attempt's own answer do not count.
        return last > max(moment, phase == .waiting ? 0 : lastHeard) && now < last + ExecutorHealth.silenceMax
    }

    /// Whether the engine has sent anything but this attempt's answer within `ExecutorHealth.silenceMax`: to other
    /// requests, or to health probes.
    private var isEngineHeardElsewhere: Bool {
        let last = executor.engine.lastHeard
        return servesOthers(since: 0) || last > lastHeard && now < last + ExecutorHealth.silenceMax
    }
}
