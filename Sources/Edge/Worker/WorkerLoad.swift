// How busy a worker is, and when it hands a new connection on to another one.

/// The load of one worker, or of all workers together.
package struct WorkerLoad: Sendable, Equatable {
    /// Exchanges under way.
    package var exchanges: Int
    /// Open connections of clients.
    package var connections: Int

    /// A load of given numbers.
    package init(exchanges: Int, connections: Int) {
        self.exchanges = exchanges
        self.connections = connections
    }

    /// The load as one number, in which an exchange counts as much as four connections.
    ///
    /// Most connections are idle most of the time, but a new HTTP/2 connection may soon carry hundreds of streams.
    var weight: Int { 4 * exchanges + connections }

    /// Whether another worker should have the connection that this one has just accepted.
    ///
    /// It should if this one is clearly busier, since handing on wakes another thread: busier by two connections or one
    /// exchange if the load is small, by a quarter if it is large.
    package func handsOn(to other: WorkerLoad) -> Bool {
        weight + 1 >= other.weight + other.weight / 4 + 2
    }
}
