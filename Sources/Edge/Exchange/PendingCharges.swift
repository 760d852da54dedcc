// Faults of executors that may be the request's: kept by an exchange until its next attempts show whose they are.
internal import Routing
internal import Transport

/// Confined to its exchange; a value with a duty: the exchange calls `exchangeFailed` or `requestAnswered` in the end.
///
/// One client must not eject executors. A request that another executor answers well was no bad request: then all that
/// failed it are charged. A request that fails everywhere is charged to nobody who serves others.
struct PendingCharges {
    private struct Fault {
        var executor: Executor
        var pool: ExecutorPool
        var scope: FaultScope
        var onlyIfMended: Bool
        var servesOthers: Bool

        func report(at now: Nanoseconds) { pool.report(.fault(scope), of: executor, at: now) }
    }

    private var faults: [Fault] = []

    /// An attempt has failed.
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

    /// Another executor has answered the request: it was good.
    mutating func requestAnswered(at now: Nanoseconds) {
        guard !faults.isEmpty else { return }
        for fault in faults { fault.report(at: now) }
        faults = []
    }

    /// No executor has answered the request, and none will.
    mutating func exchangeFailed(at now: Nanoseconds) {
        guard !faults.isEmpty else { return }
        for fault in faults where !fault.onlyIfMended {
            // What failed it twice or broke off, and answers others or its probes, was asked for it.
            let isRequests = fault.scope == .connection || faults.count > 1
            if !(isRequests && fault.servesOthers) { fault.report(at: now) }
        }
        faults = []
    }
}
