// The connections of one worker, and which of them have carried a request.
internal import HTTP
internal import Transport

/// The open connections of clients to one worker; confined to the worker.
struct ConnectionTable {
    private var connections = Slab<ServerConnection>()
    /// Whether each connection has carried a request, by the connection's index in `connections`.
    private var hasServed: [Bool] = []
    /// For each connection, by its index in `connections`: when `isNoteDue` last allowed a call of
    /// `AddressTable.noteKnown`; 0 if it never has.
    private var noted: [Nanoseconds] = []
    /// The shortest time between two calls of `AddressTable.noteKnown` for one connection, in nanoseconds.
    ///
    /// `noteKnown` records that a client of the address had a valid key or was served by an executor.
    private static let notePeriod: Nanoseconds = 60_000_000_000
    /// How many of the open connections have carried a request.
    private(set) var servedCount = 0

    var isEmpty: Bool { connections.isEmpty }
    /// A copy of all connections, because connections may end while the caller iterates over them.
    var all: [ServerConnection] { connections.elements }

    /// Adds a connection, and sets the key by which `remove` finds it.
    mutating func insert(_ connection: ServerConnection) {
        let key = connections.insert(connection)
        connection.key = key
        guard Int(key.index) == hasServed.count else { return }
        hasServed.append(false)
        noted.append(0)
    }

    /// Removes a connection.
    ///
    /// - Returns: false if it has been removed before.
    mutating func remove(_ connection: ServerConnection) -> Bool {
        guard connections.remove(connection.key) != nil else { return false }
        let slot = Int(connection.key.index)
        if hasServed[slot] { servedCount -= 1 }
        hasServed[slot] = false
        noted[slot] = 0
        return true
    }

    /// Records that a connection has carried a request.
    mutating func markServed(_ connection: ServerConnection) {
        let slot = Int(connection.key.index)
        guard connections.contains(connection.key), !hasServed[slot] else { return }
        hasServed[slot] = true
        servedCount += 1
    }

    /// Whether the worker should now call `AddressTable.noteKnown` for the address of this connection's client.
    ///
    /// The worker asks only after a request that had a valid key or was served by an executor. The result is true at
    /// most once a minute for each connection. If it is true, the function stores `now` in `noted`.
    mutating func isNoteDue(_ connection: ServerConnection, at now: Nanoseconds) -> Bool {
        let slot = Int(connection.key.index)
        guard connections.contains(connection.key), noted[slot] == 0 || now >= noted[slot] + Self.notePeriod
        else { return false }
        noted[slot] = now
        return true
    }
}
