// The state that the workers share: memory budget, connection count, log, TLS ticket keys, handles of the workers.
internal import Inference
internal import Routing
internal import Synchronization
package import Transport

/// State of the process that all workers and the control thread share.
///
/// Any thread may use every part of it. An exchange uses each part only a few times, so locks and atomics cost little.
package final class ProcessState: Sendable {
    /// The memory that all workers together may use.
    package let budget: MemoryBudget
    /// The log, to which the line of each finished exchange is written.
    package let log: LogSink
    /// The keys of TLS session tickets; all workers share them, so that any worker can resume a session.
    package let ticketKeys: TicketKeys
    /// The clock of all workers and of the control thread.
    package let clock: Clock
    /// The system interface by which workers learn that sockets are ready: epoll alone, or epoll together with
    /// io_uring.
    package let poller: PollerChoice
    /// The handle of each worker, at the worker's index: any thread posts messages to a worker or reads its load by it.
    package let workers: [WorkerHandle]
    let scanThread = ScanThread()
    let retries = RetryBudget()
    let promptHasher = PromptHasher()
    /// The request bodies that wait for memory, because `budget` has refused it.
    let bodyQueue = Lock(BodyQueue())
    /// The connections, requests and body bytes of each client address, for `limits.per_address`.
    let addresses = AddressTable()
    /// Whether the operator has declared maintenance.
    let maintenance = MaintenanceState()
    /// When the process started, in milliseconds since 1970; a part of every exchange's id.
    let processStart = Clock.wallTime().seconds * 1000 + Clock.wallTime().microseconds / 1000
    /// The random id of the process; a reload keeps it.
    ///
    /// The process writes the id in the field `cdn-loop` of forwarded requests, so that it recognizes a request that
    /// comes back to it. A successor keeps the id, because its requests may come back to it through its predecessor.
    let instanceID: String
    /// The tenants that metrics distinguish by name.
    let tenants = TenantLabels()
    /// How many file descriptors the connections of clients may use; the others are reserved for connections to
    /// executors.
    private let descriptorsMax: Int
    private let connections = Atomic<Int>(0)
    /// How many connections clients have to other processes during an upgrade; 0 if there are no other processes.
    private let connectionsElsewhere = Atomic<Int>(0)
    private let warnings = Lock(RationedWarnings())

    /// - Parameters:
    ///   - workers: how many workers there are; at least 1.
    ///   - descriptorLimit: RLIMIT_NOFILE.
    ///   - instanceID: the random id of the predecessor; nil to make a new one.
    package init(
        budget: MemoryBudget,
        log: LogSink,
        ticketKeys: TicketKeys,
        clock: Clock = .monotonic,
        workers: Int,
        poller: PollerChoice,
        descriptorLimit: Int = .max,
        instanceID: String? = nil
    ) {
        self.instanceID = instanceID ?? Self.instancePrefix + Hexadecimal.text(Randomness.bytes(8))
        descriptorsMax = ConnectionRoom.descriptors(ofLimit: descriptorLimit, workers: workers)
        self.budget = budget
        self.log = log
        self.ticketKeys = ticketKeys
        self.workers = (0..<workers).map { _ in WorkerHandle() }
        self.clock = clock
        self.poller = poller
    }

    /// The beginning of each `instanceID`; 16 hexadecimal digits follow.
    static let instancePrefix = "freeinference-"

    /// How many connections clients have to this process, on all workers together.
    package var connectionCount: Int { connections.load(ordering: .relaxed) }

    /// How many connections clients may have: the limit of the snapshot, or less if there are too few file descriptors.
    func room(_ snapshot: Snapshot) -> ConnectionRoom { snapshot.connectionRoom.within(descriptors: descriptorsMax) }

    /// Counts one more connection and charges memory for it; `connectionEnded` undoes both.
    ///
    /// - Parameter snapshot: the current snapshot of the calling worker.
    /// - Returns: nil if the connection was counted; otherwise the limit that is reached.
    package func takeRoom(_ snapshot: Snapshot) -> ConnectionRoom.Lack? {
        let room = room(snapshot).beside(connectionsElsewhere.load(ordering: .relaxed), of: snapshot.connectionRoom)
        guard budget.reserve(MemoryBudget.connectionCharge) else { return .memory }
        if connections.wrappingAdd(1, ordering: .relaxed).newValue <= room.most { return nil }
        connectionEnded()
        return room.lack
    }

    /// Sets how many connections clients have to other processes; they count against the limit of this process.
    func setConnectionsElsewhere(_ count: Int) { connectionsElsewhere.store(max(0, count), ordering: .relaxed) }

    /// Undoes the count and the charge for a connection that has ended or could not be established.
    package func connectionEnded() {
        connections.wrappingSubtract(1, ordering: .relaxed)
        budget.release(MemoryBudget.connectionCharge)
    }

    // MARK: The workers

    /// The load of all workers together at this moment.
    package var load: WorkerLoad {
        workers.reduce(into: WorkerLoad(exchanges: 0, connections: 0)) { sum, handle in
            let load = handle.load
            sum.exchanges += load.exchanges
            sum.connections += load.connections
        }
    }

    /// Posts a message to every worker that has not ended.
    package func postToAll(_ message: WorkerMessage) { for handle in workers { handle.mailbox.post(message) } }

    /// Closes the mailbox of a worker that has ended, and handles the messages that the worker has not read.
    ///
    /// The function closes the sockets in these messages. If a message grants an executor to an exchange, the slot is
    /// given back to the pool.
    package func retire(_ worker: Int) {
        workers[worker].setTakesConnections(false)
        for message in workers[worker].mailbox.close() {
            switch message {
            case .serve(let socket, _, _, let hold):
                hold?.end()
                socket.close()
                workers[worker].connectionEnded()
                connectionEnded()
            case .waitEnded(_, let end): end.giveBack(at: clock.now)
            case .leave, .showTurn, .drain, .handOver, .expire, .cut, .stop, .ask, .adopt, .engineDied, .scanned,
                .refuse:
                continue
            }
        }
    }

    /// Writes a warning to stderr.
    ///
    /// All workers together write at most one warning of each kind per second.
    func warn(_ kind: RationedWarnings.Kind, _ text: @autoclosure () -> String) {
        guard let leftOut = warnings.withLock({ $0.take(kind, at: Clock.wallTime().seconds) }) else { return }
        OperatorLog.warn(text() + (leftOut > 0 ? " (\(leftOut) more of this kind were not shown)" : ""))
    }
}
