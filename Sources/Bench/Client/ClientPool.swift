// Opens connections as needed, for a bench that does not know in advance how many streams it opens.

/// Opens streams on as few connections as possible; each carries at most as many streams as the server accepts.
///
/// Confined to the thread of the event loop.
final class ClientPool {
    private let dial: () throws(BenchError) -> any ClientConnection
    private var connections: [any ClientConnection] = []
    /// How many streams a connection may carry before its server has said how many it accepts.
    ///
    /// The number is the one that the server has announced on another connection. Before any announcement, it is the
    /// smallest number that RFC 9113 section 6.5.2 recommends.
    private var streamsAssumed = 100
    /// How many connections have been opened.
    private(set) var opened = 0

    /// Makes a pool.
    ///
    /// - Parameter dial: begins to open a connection.
    init(dial: @escaping () throws(BenchError) -> any ClientConnection) { self.dial = dial }

    /// Begins to open a connection.
    func open() throws(BenchError) { _ = try add() }

    /// Whether at least one connection is still being established, or waits for its server to say how many streams the
    /// server accepts.
    ///
    /// Connections that have ended do not count.
    var isConnecting: Bool { connections.contains { $0.endReason == nil && $0.streamsAllowed == nil } }

    /// Why the first connection has ended, if all have ended; nil if one has not ended, or if none was opened.
    var failure: String? {
        connections.contains { $0.endReason == nil } ? nil : connections.first?.endReason
    }

    /// Returns the connection for the next stream: the one that may open the most further streams, or a new one if all
    /// are full.
    func connection() throws(BenchError) -> any ClientConnection {
        connections.removeAll { $0.endReason != nil }
        if let allowed = connections.compactMap(\.streamsAllowed).first { streamsAssumed = allowed }
        var best: (any ClientConnection)?
        var most = 0
        for connection in connections where connection.isUsable {
            let room = (connection.streamsAllowed ?? streamsAssumed) - connection.streamsOpen
            guard room > most else { continue }
            best = connection
            most = room
        }
        if let best { return best }
        return try add()
    }

    /// Closes all connections; the handlers of their streams receive no further calls.
    func close() {
        for connection in connections { connection.close() }
        connections = []
    }

    private func add() throws(BenchError) -> any ClientConnection {
        let connection = try dial()
        opened += 1
        connections.append(connection)
        return connection
    }
}
