// What tests of waiting have in common: who has been granted an executor, and who still waits at a test's end.
import Synchronization

@testable import Routing

/// Who has been granted an executor, in order.
final class Granted: Sendable {
    private let names = Mutex<[String]>([])
    private let taken = Mutex<[Grant]>([])
    var grants: [Grant] { taken.withLock { $0 } }
    var order: [String] { names.withLock { $0 } }

    func take(_ name: String, _ grant: Grant) {
        names.withLock { $0.append(name) }
        taken.withLock { $0.append(grant) }
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
