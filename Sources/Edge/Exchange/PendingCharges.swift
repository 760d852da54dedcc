// Failures that may be the fault of the request or of the executor: kept until later attempts show whose fault they
// were.
internal import Routing
internal import Transport

/// The failures of one exchange that are not charged to their executors yet.
///
/// A single client must not be able to eject executors with a request that breaks them. If another executor answers the
/// request, all executors that failed on it are charged. If the request fails at all executors, those that still serve
/// other requests are not charged.
///
/// Confined to its exchange, which calls `requestAnswered` or `exchangeFailed` in the end.
struct PendingCharges {
    /// One failure; the properties are those of `AttemptVerdict.pending`.
    private struct Fault {
        var executor: Executor
        var pool: ExecutorPool
        var scope: FaultScope
        var onlyIfMended: Bool
        var servesOthers: Bool

        func report(at now: Nanoseconds) { pool.report(.fault(scope), of: executor, at: now) }
    }

    private var faults: [Fault] = []

    /// Keeps the failure of an attempt, unless its outcome was reported at once.
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

    /// Another executor has answered the request, so that the request was good: charges all executors that failed on
    /// it.
    mutating func requestAnswered(at now: Nanoseconds) {
        guard !faults.isEmpty else { return }
        for fault in faults { fault.report(at: now) }
        faults = []
    }

    /// No executor has answered the request: charges the executors that do not serve other requests.
    mutating func exchangeFailed(at now: Nanoseconds) {
        guard !faults.isEmpty else { return }
        for fault in faults where !fault.onlyIfMended {
            // An executor that serves others is not charged if the request broke its connection or failed at another
            // one, too.
            let mayBeRequest = fault.scope == .connection || faults.count > 1
            if !(mayBeRequest && fault.servesOthers) { fault.report(at: now) }
        }
        faults = []
    }
}
