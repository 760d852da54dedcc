// What tests of waiting have in common: who has been granted an executor, and who still waits at a test's end.
import Synchronization
import Transport

@testable import Routing

/// Who has been granted an executor, in order.
final class Granted: Sendable {
    private let names = Mutex<[String]>([])
    private let taken = Mutex<[Grant]>([])
    var grants: [Grant] { taken.withLock { $0 } }
    var order: [String] { names.withLock { $0 } }

    /// Who had to give way, in order.
    private let gone = Mutex<[(name: String, way: GaveWay)]>([])
    var gaveWay: [(name: String, way: GaveWay)] { gone.withLock { $0 } }

    func take(_ name: String, _ end: WaitEnd) {
        switch end {
        case .granted(let grant):
            names.withLock { $0.append(name) }
            taken.withLock { $0.append(grant) }
        case .gaveWay(let way): gone.withLock { $0.append((name, way)) }
        }
    }
}

/// Takes requests out of their queues when the test is over.
///
/// An engine and the pools in whose queues somebody waits hold each other, so that a test that leaves one waiting would
/// leak them. Held by the suite or by a class of the test, which live as long as the test.
final class Waits {
    private var tickets: [(pool: ExecutorPool, ticket: QueueTicket)] = []

    deinit {
        for (pool, ticket) in tickets { _ = pool.leave(ticket) }
    }

    /// Returns the admission, whose ticket is given back with the test.
    func noting(_ admission: ExecutorPool.Admission, in pool: ExecutorPool) -> ExecutorPool.Admission {
        if let ticket = admission.ticket { tickets.append((pool, ticket)) }
        return admission
    }
}

extension ExecutorPool {
    /// The attempt that is under way longest is over.
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
