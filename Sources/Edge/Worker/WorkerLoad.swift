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
    /// A hand-over wakes another thread, so this worker must be clearly busier: with the new connection, its `weight`
    /// must be at least 2 more than five quarters of the other worker's `weight`. An exchange weighs 4, a connection 1.
    package func handsOn(to other: WorkerLoad) -> Bool {
        weight + 1 >= other.weight + other.weight / 4 + 2
    }
}
