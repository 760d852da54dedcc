// Helpers for tests of the queue: one records which requests get an executor, and one removes requests that still wait
// at the end of a test.
import Synchronization
import Transport

@testable import Routing

/// Records the names of the requests that were granted an executor, in order.
final class Granted: Sendable {
    private let names = Mutex<[String]>([])
    private let taken = Mutex<[Grant]>([])
    var grants: [Grant] { taken.withLock { $0 } }
    var order: [String] { names.withLock { $0 } }

    /// The requests that left the queue because other requests needed their place, in order.
    private let gone = Mutex<[(name: String, way: GaveWay)]>([])
    var gaveWay: [(name: String, way: GaveWay)] { gone.withLock { $0 } }

    /// The requests whose executors were all drained, in order.
    private let left = Mutex<[String]>([])
    var withoutExecutor: [String] { left.withLock { $0 } }

    func take(_ name: String, _ end: WaitEnd) {
        switch end {
        case .granted(let grant):
            names.withLock { $0.append(name) }
            taken.withLock { $0.append(grant) }
        case .gaveWay(let way): gone.withLock { $0.append((name, way)) }
        case .withoutExecutor: left.withLock { $0.append(name) }
        }
    }
}

/// Removes requests from their queues when the test is over.
///
/// An engine and a pool with waiting requests hold references to each other, so a request that is left in a queue
/// would leak both. The suite, or a class of the test, owns this object.
final class Waits {
    private var tickets: [(pool: ExecutorPool, ticket: QueueTicket)] = []

    deinit {
        for (pool, ticket) in tickets { _ = pool.leave(ticket) }
    }

    /// Returns `admission`, and notes the request's ticket in the queue, so that `deinit` can remove the request.
    func noting(_ admission: ExecutorPool.Admission, in pool: ExecutorPool) -> ExecutorPool.Admission {
        if let ticket = admission.ticket { tickets.append((pool, ticket)) }
        return admission
    }
}

extension ExecutorPool {
    /// Ends the attempt that has been running longest.
    func release(_ executor: Executor, at now: UInt64) {
        release(executor, began: entry.state.withLock { $0.times.begins.first } ?? now, at: now)
    }

    func predictedWait(of tenant: String, at now: UInt64) -> UInt64 {
        predictedWait(of: RoutingRequest(tenant: tenant), at: now)
    }
}

extension ExecutorPool.Admission {
    var isExecutor: Bool {
        if case .executor = self { return true }
        return false
    }
    var ticket: QueueTicket? {
        if case .waiting(let ticket) = self { return ticket }
        return nil
    }
}
