// The mailbox and the load of a worker, for other threads; and the function that chooses the worker for a new
// connection.
internal import Synchronization
package import Transport

/// The mailbox and the load of one worker, for use by any thread.
///
/// The handle lives as long as the process. Its numbers are read without locks, so they may be a little old.
package final class WorkerHandle: Sendable {
    /// Messages for the worker; closed once the worker has ended.
    package let mailbox = Mailbox<WorkerMessage>()
    private let exchanges = Atomic<Int>(0)
    private let connections = Atomic<Int>(0)
    private let publishedExchanges = Atomic<Int>(0)
    private let publishedConnections = Atomic<Int>(0)
    private let isOpen = Atomic<Bool>(false)
    private let adopted = Atomic<Int>(0)
    private let shown = Atomic<Int>(0)

    /// Makes the handle of a worker that does not take connections yet.
    package init() {}

    /// The worker's exchanges and connections at this moment.
    package var load: WorkerLoad {
        WorkerLoad(
            exchanges: exchanges.load(ordering: .relaxed),
            connections: connections.load(ordering: .relaxed)
        )
    }

    /// The load that the worker has last published: its exchanges, and the connections that have carried an exchange.
    fileprivate var published: WorkerLoad {
        WorkerLoad(
            exchanges: publishedExchanges.load(ordering: .relaxed),
            connections: publishedConnections.load(ordering: .relaxed)
        )
    }

    /// Whether other workers may hand connections on to this worker: it serves, and does not drain.
    var takesConnections: Bool { isOpen.load(ordering: .relaxed) }

    /// Sets `takesConnections`; called by the worker when it begins to serve and when it begins to drain.
    package func setTakesConnections(_ takes: Bool) { isOpen.store(takes, ordering: .relaxed) }

    /// The generation of the snapshot that the worker uses.
    ///
    /// A connection is handed only to a worker whose snapshot is new enough to have the listener of the connection.
    package var generation: Int { adopted.load(ordering: .acquiring) }

    /// Sets `generation`; called by the worker when it has begun to use the snapshot of this generation.
    package func setGeneration(_ generation: Int) { adopted.store(generation, ordering: .releasing) }

    /// The number of the last message `showTurn` that the worker has read; 0 before the first message.
    ///
    /// The control thread sends these messages to find out whether the worker's event loop is stuck.
    package var shownTurn: Int { shown.load(ordering: .relaxed) }

    /// Sets `shownTurn`; called by the worker when it reads the message `showTurn`.
    ///
    /// The control thread sends this message to find out whether the worker's event loop is stuck.
    package func showTurn(_ number: Int) { shown.store(number, ordering: .relaxed) }

    /// Counts a connection of this worker.
    ///
    /// The worker that has accepted the connection calls this, on the handle of the worker that is going to serve the
    /// connection. So the connection is already counted when a worker is chosen for the next one, and connections that
    /// come together do not all go to one worker.
    package func connectionBegan() { connections.wrappingAdd(1, ordering: .relaxed) }
    /// Counts the end of a connection of this worker.
    package func connectionEnded() { connections.wrappingSubtract(1, ordering: .relaxed) }
    /// Counts an exchange of this worker.
    package func exchangeBegan() { exchanges.wrappingAdd(1, ordering: .relaxed) }
    /// Counts the end of an exchange of this worker.
    package func exchangeEnded() { exchanges.wrappingSubtract(1, ordering: .relaxed) }

    /// Publishes the worker's load, by which other workers choose a worker for a new connection.
    ///
    /// - Parameter connections: how many of the worker's connections have carried an exchange.
    package func publishLoad(connections: Int) {
        publishedExchanges.store(exchanges.load(ordering: .relaxed), ordering: .relaxed)
        publishedConnections.store(connections, ordering: .relaxed)
    }

    /// Estimates the worker's load, including the exchanges that its new connections will probably carry.
    ///
    /// The worker has published how many of its connections have carried an exchange. Each connection that it now has
    /// beyond this number counts as `average` exchanges. New connections carry no exchanges while they are still in
    /// their handshakes. If only exchanges counted, all connections that come together would go to the worker that
    /// seems idle.
    ///
    /// - Parameter average: the average number of exchanges per connection, from the published loads of all workers.
    fileprivate func expected(average: Int) -> WorkerLoad {
        let (published, now) = (published, load.connections)
        let known = Swift.min(now, published.connections)
        let exchanges = published.connections > 0 ? published.exchanges * known / published.connections : 0
        return WorkerLoad(exchanges: exchanges + average * (now - known), connections: now)
    }
}

extension [WorkerHandle] {
    /// The index of the worker that should serve a connection which the worker `acceptor` has accepted.
    ///
    /// The result is `acceptor`, unless another worker is clearly less busy (`WorkerLoad.handsOn`).
    package func index(forConnectionAcceptedBy acceptor: Int) -> Int {
        guard count > 1 else { return acceptor }
        var all = WorkerLoad(exchanges: 0, connections: 0)
        for handle in self {
            let published = handle.published
            all.exchanges += published.exchanges
            all.connections += published.connections
        }
        let average = all.connections > 0 ? (all.exchanges + all.connections / 2) / all.connections : 0
        let own = self[acceptor].expected(average: average)
        var least = (index: acceptor, load: own)
        for index in indices where index != acceptor && self[index].takesConnections {
            let load = self[index].expected(average: average)
            if load.weight < least.load.weight { least = (index, load) }
        }
        return own.handsOn(to: least.load) ? least.index : acceptor
    }
}
