// What others know of a worker: its mailbox and how busy it is; and which worker a new connection goes to.
internal import Synchronization
package import Transport

/// How busy a worker is, or all of them together.
package struct WorkerLoad: Sendable, Equatable {
    package var exchanges: Int
    package var connections: Int

    package init(exchanges: Int, connections: Int) {
        self.exchanges = exchanges
        self.connections = connections
    }

    /// A running exchange counts as much as four connections: most connections are idle most of the time, but an HTTP/2
    /// one that just came may soon carry hundreds of streams.
    fileprivate var weight: Int { 4 * exchanges + connections }

    /// Whether another worker should have the connection that this one has just accepted.
    ///
    /// Only when it is clearly busier, since handing on wakes another thread: by two connections or an exchange among
    /// few, by a quarter among many.
    package func handsOn(to other: WorkerLoad) -> Bool {
        weight + 1 >= other.weight + other.weight / 4 + 2
    }
}

/// The handle of one worker, for the others.
package final class WorkerHandle: Sendable {
    package let mailbox = Mailbox<WorkerMessage>()
    private let exchanges = Atomic<Int>(0)
    private let connections = Atomic<Int>(0)
    private let settledExchanges = Atomic<Int>(0)
    private let settledConnections = Atomic<Int>(0)
    /// It has begun to serve, and does not drain yet.
    private let isOpen = Atomic<Bool>(false)

    package init() {}

    /// At this moment.
    package var load: WorkerLoad {
        WorkerLoad(
            exchanges: exchanges.load(ordering: .relaxed),
            connections: connections.load(ordering: .relaxed)
        )
    }

    /// When the worker last looked: its exchanges, and those of its connections that have carried any.
    fileprivate var settled: WorkerLoad {
        WorkerLoad(
            exchanges: settledExchanges.load(ordering: .relaxed),
            connections: settledConnections.load(ordering: .relaxed)
        )
    }

    package var takesConnections: Bool { isOpen.load(ordering: .relaxed) }
    package func setTakesConnections(_ takes: Bool) { isOpen.store(takes, ordering: .relaxed) }

    /// Counted by whoever accepted it, before it is handed on: so that many that come at once do not all go one way.
    package func connectionBegan() { connections.wrappingAdd(1, ordering: .relaxed) }
    package func connectionEnded() { connections.wrappingSubtract(1, ordering: .relaxed) }
    package func exchangeBegan() { exchanges.wrappingAdd(1, ordering: .relaxed) }
    package func exchangeEnded() { exchanges.wrappingSubtract(1, ordering: .relaxed) }

    /// The worker looks at itself: `connections` of its have carried an exchange.
    package func publishLoad(connections: Int) {
        settledExchanges.store(exchanges.load(ordering: .relaxed), ordering: .relaxed)
        settledConnections.store(connections, ordering: .relaxed)
    }

    /// What is to be expected of it: connections that came since it last looked will carry what others carry.
    ///
    /// Of connections that come together the first have their streams while the others still shake hands: what runs at
    /// this moment would send all the others to one worker.
    fileprivate func expected(average: Int) -> WorkerLoad {
        let (settled, now) = (settled, load.connections)
        let known = Swift.min(now, settled.connections)
        let exchanges = settled.connections > 0 ? settled.exchanges * known / settled.connections : 0
        return WorkerLoad(exchanges: exchanges + average * (now - known), connections: now)
    }
}

extension [WorkerHandle] {
    /// Which worker should have a connection that `place` has accepted.
    package func place(forConnectionAcceptedBy place: Int) -> Int {
        guard count > 1 else { return place }
        var all = WorkerLoad(exchanges: 0, connections: 0)
        for handle in self {
            let settled = handle.settled
            all.exchanges += settled.exchanges
            all.connections += settled.connections
        }
        let average = all.connections > 0 ? (all.exchanges + all.connections / 2) / all.connections : 0
        let own = self[place].expected(average: average)
        var least = (place: place, load: own)
        for index in indices where index != place && self[index].takesConnections {
            let load = self[index].expected(average: average)
            if load.weight < least.load.weight { least = (index, load) }
        }
        return own.handsOn(to: least.load) ? least.place : place
    }
}
