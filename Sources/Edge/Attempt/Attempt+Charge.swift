// Decides whether a failed attempt counts against the health of its executor at once, or whether that decision waits
// for later attempts of the same exchange.
internal import Inference
internal import Routing
internal import Transport

/// Whether a failed attempt counts against the health of its executor at once, or whether that decision waits for later
/// attempts of the same exchange.
enum AttemptVerdict: Equatable {
    /// The outcome is reported at once to the pool of executors from which the attempt's executor was chosen.
    case atOnce(ExecutorPool.Outcome)
    /// The request may have caused the failure, so the exchange keeps the failure in `PendingCharges` until later
    /// attempts show the cause.
    ///
    /// The `FaultScope` says what has failed: the connection or the answer.
    ///
    /// - Parameters:
    ///   - onlyIfMended: The failure counts against the executor's health only if another executor answers the same
    ///     request.
    ///   - servesOthers: The engine has recently sent bytes for other requests. For a failed connection, bytes for
    ///     health probes count too. The value is not used if `onlyIfMended` is true.
    case pending(FaultScope, onlyIfMended: Bool, servesOthers: Bool)
}

extension Attempt {
    /// Decides whether a failure counts against the health of the executor at once, or whether that decision waits for
    /// later attempts of the same exchange.
    ///
    /// The function is called as soon as the failure is found, because the decision depends on whether the engine
    /// serves other requests at that time.
    func verdict(on failure: Failure) -> AttemptVerdict {
        // An executor that was ejected for its failures gets one request as a trial before it gets others. If the trial
        // fails, the failure counts at once, even though the request may have caused it.
        if case .trial = executor.health {
            return .atOnce(failure.charge == .suspect ? .fault(.answer) : outcome(of: failure))
        }
        switch failure.charge {
        case .none, .busy, .timeout: return .atOnce(outcome(of: failure))
        case .connection:
            // If no connection was opened, or it broke before the whole request was sent, the failure counts at once,
            // because the request cannot be its cause. A request that was sent whole may have made the engine close the
            // connection.
            guard hasRequest, failure.kind != .executorUnreachable, failure.kind != .executorCertificate else {
                return .atOnce(outcome(of: failure))
            }
            return .pending(.connection, onlyIfMended: false, servesOthers: isEngineHeardElsewhere)
        case .answer: return .pending(.answer, onlyIfMended: false, servesOthers: servesOthers(since: 0))
        case .suspect: return .pending(.answer, onlyIfMended: true, servesOthers: true)
        }
    }

    /// The outcome that is reported to the pool, if a failure counts against the health of the executor at once.
    private func outcome(of failure: Failure) -> ExecutorPool.Outcome {
        if isConnectTimedOut { return .fault(.connectTimeout) }
        return failure.charge == .timeout ? timeoutOutcome : failure.outcome
    }

    /// The outcome of a missed deadline.
    ///
    /// If the engine has answered other requests since the attempt began, it is busy and not at fault.
    var timeoutOutcome: ExecutorPool.Outcome { servesOthers(since: times.began) ? .neither : .fault(.timeout) }

    /// Whether the engine has lately sent bytes of answers to other requests.
    ///
    /// The last bytes must be later than `moment`, and less than `ExecutorHealth.silenceMax` old.
    private func servesOthers(since moment: Nanoseconds) -> Bool {
        let last = executor.engine.lastServed
        // The engine's `lastServed` is also set when bytes of this attempt's own answer arrive, which last happened at
        // `lastHeard`. So only a later time shows that the engine serves other requests.
        return last > max(moment, phase == .waiting ? 0 : lastHeard) && now < last + ExecutorHealth.silenceMax
    }

    /// Whether the engine has answered other requests or health probes within `ExecutorHealth.silenceMax`.
    private var isEngineHeardElsewhere: Bool {
        let last = executor.engine.lastHeard
        return servesOthers(since: 0) || last > lastHeard && now < last + ExecutorHealth.silenceMax
    }
}
