// What the workers share: a budget, a count of connections, a log, ticket keys, doors to each other. Sendable, touched seldom.
package import HTTP
internal import Routing
internal import Synchronization
package import Transport

/// One listener as a worker needs it: how to speak on it.
///
/// The socket comes from the `ListenerSet`.
package struct ListenerPlan: Sendable {
    package var settings: ServerSettings
    /// Empty: cleartext.
    package var certificates: [CertificateFiles]
}

/// State of the process that all workers reach.
package final class WorkerShare: Sendable {
    package let budget: MemoryBudget
    package let log: LogSink
    package let ticketKeys: TicketKeys
    /// Who may ask.
    package let access: KeyAccess
    package let connectionsMax: Int
    package let gather: Gather
    package let poller: PollerChoice
    package let plans: [ListenerPlan]
    /// By the worker's index.
    package let doors: [WorkerDoor]
    let scanThread = ScanThread()
    let retries = RetryBudget()
    /// In milliseconds since 1970.
    let processStart = Clock.wallTime().seconds * 1000 + Clock.wallTime().microseconds / 1000
    /// The tenants that metrics tell apart.
    let tenants = TenantLabels()
    private let connections = Atomic<Int>(0)
    private let lastWarning = Atomic<Int>(0)

    package init(
        budget: MemoryBudget,
        log: LogSink,
        ticketKeys: TicketKeys,
        access: KeyAccess = KeyAccess(),
        workers: Int,
        connectionsMax: Int,
        gather: Gather,
        poller: PollerChoice,
        plans: [ListenerPlan]
    ) {
        self.budget = budget
        self.log = log
        self.ticketKeys = ticketKeys
        self.access = access
        doors = (0..<workers).map { _ in WorkerDoor() }
        self.connectionsMax = connectionsMax
        self.gather = gather
        self.poller = poller
        self.plans = plans
    }

    package var connectionCount: Int { connections.load(ordering: .relaxed) }

    var hasRoom: Bool {
        connectionCount < connectionsMax && budget.used + MemoryBudget.connectionCharge <= budget.limit
    }

    /// Room for one more connection, taken; false when there is none.
    package func admitConnection() -> Bool {
        guard budget.reserve(MemoryBudget.connectionCharge) else { return false }
        if connections.wrappingAdd(1, ordering: .relaxed).newValue <= connectionsMax { return true }
        connectionEnded()
        return false
    }

    func connectionEnded() {
        connections.wrappingSubtract(1, ordering: .relaxed)
        budget.release(MemoryBudget.connectionCharge)
    }

    // MARK: The workers

    /// Of all workers together.
    package var load: WorkerLoad {
        doors.reduce(into: WorkerLoad(exchanges: 0, connections: 0)) { sum, door in
            let load = door.load
            sum.exchanges += load.exchanges
            sum.connections += load.connections
        }
    }

    package func tellAll(_ message: WorkerMessage) { for door in doors { door.mailbox.post(message) } }

    /// A worker has ended: what it was handed and did not take is let go.
    package func retire(_ worker: Int) {
        doors[worker].setTakesConnections(false)
        for message in doors[worker].mailbox.close() {
            switch message {
            case .adopt(let socket, _, _):
                socket.close()
                doors[worker].connectionEnded()
                connectionEnded()
            case .granted(_, _, let grant): grant.giveBack(at: Clock.monotonicNow())
            case .drain, .expire, .stop, .count, .scanned: continue
            }
        }
    }

    /// Says it on stderr, at most once a second for all workers.
    func warn(_ text: @autoclosure () -> String) {
        let second = Clock.wallTime().seconds
        guard lastWarning.exchange(second, ordering: .relaxed) != second else { return }
        Messages.warn(text())
    }
}
