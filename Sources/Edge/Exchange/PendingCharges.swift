// Failures that either the request or the executor may have caused; kept until later attempts show the cause.
internal import Routing
internal import Transport

/// The failures of one exchange that do not count against the health of their executors yet.
///
/// A single client must not be able to eject executors with a request that breaks them. If an executor answers the
/// request in a later attempt, the failures of the earlier attempts count. If the request fails at several executors,
/// the failures of executors that serve other requests do not count.
///
/// Confined to its exchange. The exchange calls `requestAnswered` if an executor has answered, and otherwise
/// `exchangeFailed`.
struct PendingCharges {
    /// One failed attempt that does not count yet against the health of its executor.
    ///
    /// If `onlyIfMended` is true, the failure counts only if another executor answers the same request. `servesOthers`
    /// says whether the engine has recently sent bytes for other requests.
    private struct Fault {
        var executor: Executor
        var pool: ExecutorPool
        var scope: FaultScope
        var onlyIfMended: Bool
        var servesOthers: Bool

        func report(at now: Nanoseconds) { pool.report(.fault(scope), of: executor, at: now) }
    }

    private var faults: [Fault] = []

    /// Stores the failure of an attempt until later attempts show whether the request or the executor has caused it.
    ///
    /// A failure with the verdict `atOnce` is not stored, because the attempt has reported it to the pool already.
    mutating func add(_ verdict: AttemptVerdict, of executor: Executor, in pool: ExecutorPool) {
        guard case .pending(let scope, let onlyIfMended, let servesOthers) = verdict else { return }
        faults.append(
            Fault(
                executor: executor,
                pool: pool,
                scope: scope,
                onlyIfMended: onlyIfMended,
                servesOthers: servesOthers
            )
        )
    }

    /// Counts the failures against the health of all executors that failed on the request.
    ///
    /// Called when another executor has answered the request, which shows that the request was not the cause.
    mutating func requestAnswered(at now: Nanoseconds) {
        guard !faults.isEmpty else { return }
        for fault in faults { fault.report(at: now) }
        faults = []
    }

    /// Counts failures against the health of the executors that have probably caused them.
    ///
    /// Called when no executor has answered the request.
    mutating func exchangeFailed(at now: Nanoseconds) {
        guard !faults.isEmpty else { return }
        for fault in faults where !fault.onlyIfMended {
            // The request may be the cause if it broke a connection, or if it failed at several executors. The failure
            // then does not count if the executor serves other requests.
            let mayBeRequest = fault.scope == .connection || faults.count > 1
            if !(mayBeRequest && fault.servesOthers) { fault.report(at: now) }
        }
        faults = []
    }
}
