// How busy a worker is, and when it hands a new connection on to another worker.

/// The load of one worker, or of all workers together.
package struct WorkerLoad: Sendable, Equatable {
    /// Exchanges under way.
    package var exchanges: Int
    /// Open connections of clients.
    package var connections: Int

    /// Makes a load of the given numbers.
    package init(exchanges: Int, connections: Int) {
        self.exchanges = exchanges
        self.connections = connections
    }

    /// The load as one number, in which an exchange counts as much as four connections.
    ///
    /// Most connections are idle most of the time, but a new HTTP/2 connection may soon carry hundreds of streams.
    var weight: Int { 4 * exchanges + connections }

    /// Whether this worker should hand the connection that it has just accepted to the other worker.
    ///
    /// It does so only if it is clearly busier, because a hand-over wakes another thread. If loads are small, this
    /// means two connections or one exchange more, counted with the new connection. If loads are large, it means a
    /// quarter more.
    package func handsOn(to other: WorkerLoad) -> Bool {
        weight + 1 >= other.weight + other.weight / 4 + 2
    }
}
