// What the workers process: a budget, a count of connections, a log, ticket keys, workers to each other. Sendable, touched seldom.
internal import Routing
internal import Synchronization
package import Transport

/// State of the process that all workers reach; what a configuration says is in the snapshot.
package final class ProcessState: Sendable {
    package let budget: MemoryBudget
    package let log: LogSink
    package let ticketKeys: TicketKeys
    /// Who may ask.
    package let access: Authenticator
    /// The one clock of all workers and of the control thread.
    package let clock: Clock
    package let gather: Gather
    package let poller: PollerChoice
    /// By the worker's index.
    package let workers: [WorkerHandle]
    let scanThread = ScanThread()
    let retries = RetryBudget()
    /// In milliseconds since 1970.
    let processStart = Clock.wallTime().seconds * 1000 + Clock.wallTime().microseconds / 1000
    /// The tenants that metrics tell apart.
    let tenants = TenantLabels()
    /// How many descriptors clients' connections may have: executors keep the others.
    private let descriptorsMax: Int
    private let connections = Atomic<Int>(0)
    private let warnings = Lock(RationedWarnings())

    package init(
        budget: MemoryBudget,
        log: LogSink,
        ticketKeys: TicketKeys,
        access: Authenticator = Authenticator(),
        clock: Clock = .monotonic,
        workers: Int,
        gather: Gather,
        poller: PollerChoice,
        descriptorLimit: Int = .max
    ) {
        descriptorsMax = ConnectionRoom.descriptors(ofLimit: descriptorLimit, workers: workers)
        self.budget = budget
        self.log = log
        self.ticketKeys = ticketKeys
        self.access = access
        self.workers = (0..<workers).map { _ in WorkerHandle() }
        self.clock = clock
        self.gather = gather
        self.poller = poller
    }

    package var connectionCount: Int { connections.load(ordering: .relaxed) }

    /// How many connections there may be under this snapshot.
    func room(_ snapshot: Snapshot) -> ConnectionRoom { snapshot.connectionRoom.within(descriptors: descriptorsMax) }

    /// Takes room for one more connection, until `connectionEnded`.
    ///
    /// - Parameter snapshot: of whoever asks.
    /// - Returns: nil when it is taken, else what there is no room of.
    package func takeRoom(_ snapshot: Snapshot) -> ConnectionRoom.Lack? {
        let room = room(snapshot)
        guard budget.reserve(MemoryBudget.connectionCharge) else { return .memory }
        if connections.wrappingAdd(1, ordering: .relaxed).newValue <= room.most { return nil }
        connectionEnded()
        return room.lack
    }

    /// A connection is gone, or the room that was taken for one is not needed.
    package func connectionEnded() {
        connections.wrappingSubtract(1, ordering: .relaxed)
        budget.release(MemoryBudget.connectionCharge)
    }

    // MARK: The workers

    /// Of all workers together.
    package var load: WorkerLoad {
        workers.reduce(into: WorkerLoad(exchanges: 0, connections: 0)) { sum, handle in
            let load = handle.load
            sum.exchanges += load.exchanges
            sum.connections += load.connections
        }
    }

    package func postToAll(_ message: WorkerMessage) { for handle in workers { handle.mailbox.post(message) } }

    /// A worker has ended: what it was handed and did not take is let go.
    package func retire(_ worker: Int) {
        workers[worker].setTakesConnections(false)
        for message in workers[worker].mailbox.close() {
            switch message {
            case .serve(let socket, _, _):
                socket.close()
                workers[worker].connectionEnded()
                connectionEnded()
            case .waitEnded(_, _, let end): end.giveBack(at: clock.now)
            case .drain, .expire, .cut, .stop, .ask, .adopt, .engineDied, .scanned: continue
            }
        }
    }

    /// Says it on stderr, at most once a second of each kind for all workers.
    func warn(_ kind: RationedWarnings.Kind, _ text: @autoclosure () -> String) {
        guard let leftOut = warnings.withLock({ $0.take(kind, at: Clock.wallTime().seconds) }) else { return }
        OperatorLog.warn(text() + (leftOut > 0 ? " (\(leftOut) more of this kind were not shown)" : ""))
    }
}
