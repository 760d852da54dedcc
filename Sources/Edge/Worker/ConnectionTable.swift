// The connections of one worker, and which of them have carried a request.
internal import HTTP
internal import Transport

/// The open connections of clients to one worker; confined to the worker.
struct ConnectionTable {
    private var connections = Slab<ServerConnection>()
    /// Whether each connection has carried a request, by the connection's index in `connections`.
    private var hasServed: [Bool] = []
    /// How many connections have carried a request.
    private(set) var servedCount = 0

    var isEmpty: Bool { connections.isEmpty }
    /// A copy of all connections, because connections may end while the caller iterates over them.
    var all: [ServerConnection] { connections.elements }

    /// Adds a connection, and sets the key by which `remove` finds it.
    mutating func insert(_ connection: ServerConnection) {
        let key = connections.insert(connection)
        connection.key = key
        if Int(key.index) == hasServed.count { hasServed.append(false) }
    }

    /// Removes a connection.
    ///
    /// - Returns: false if it has been removed before.
    mutating func remove(_ connection: ServerConnection) -> Bool {
        guard connections.remove(connection.key) != nil else { return false }
        let slot = Int(connection.key.index)
        if hasServed[slot] { servedCount -= 1 }
        hasServed[slot] = false
        return true
    }

    /// Records that a connection has carried a request.
    mutating func markServed(_ connection: ServerConnection) {
        let slot = Int(connection.key.index)
        guard connections.contains(connection.key), !hasServed[slot] else { return }
        hasServed[slot] = true
        servedCount += 1
    }
}
