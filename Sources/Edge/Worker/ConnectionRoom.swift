// How many connections clients may have at once, and which limit decides that.
internal import Configuration
internal import Transport

/// How many connections clients may have under one configuration: the smallest of several limits.
package struct ConnectionRoom: Sendable, Equatable {
    /// The limit that is reached, so that no more connections are accepted.
    package enum Lack: Sendable, Equatable, CustomStringConvertible {
        /// `max_connections` is reached.
        case maxConnections
        /// `memory_limit` has no room for another connection: it is used up, or the rest is reserved for a request
        /// body.
        case memory
        /// The last free file descriptors are reserved for connections to executors.
        case descriptors

        /// The limit in words for the operator.
        package var description: String {
            switch self {
            case .maxConnections: "max_connections is reached"
            case .memory: "memory_limit is reached"
            case .descriptors: "the rest of the descriptors (RLIMIT_NOFILE) is kept for executors"
            }
        }
    }

    /// How many connections clients may have to all workers together.
    package private(set) var most: Int
    /// Which limit is the smallest, and so determines the number `most`.
    package private(set) var lack: Lack

    /// Uses the smaller of two limits: `max_connections`, and the number of connections for which `memory_limit` has
    /// room.
    init(_ configuration: Configuration) {
        (most, lack) = (configuration.maxConnections, .maxConnections)
        let memory = configuration.connectionsBesideBody
        if memory < most { (most, lack) = (memory, .memory) }
    }

    /// Returns this limit, or the given number of descriptors if that is smaller.
    func within(descriptors: Int) -> ConnectionRoom {
        guard descriptors < most else { return self }
        var room = self
        (room.most, room.lack) = (descriptors, .descriptors)
        return room
    }

    /// Returns the limit for this process while other processes of an upgrade have connections of clients, too.
    ///
    /// The connections to all these processes together must not exceed `whole`. That limit disregards file descriptors,
    /// because each process has its own. `self` is the limit of this process alone; the result is never above it.
    ///
    /// - Parameter elsewhere: how many connections clients have to the other processes.
    func beside(_ elsewhere: Int, of whole: ConnectionRoom) -> ConnectionRoom {
        guard elsewhere > 0, whole.most - elsewhere < most else { return self }
        var room = whole
        room.most = max(0, whole.most - elsewhere)
        return room
    }

    /// How many file descriptors of a process may be used by connections of clients.
    ///
    /// The result is three quarters of the limit, less 16 for the process and 8 for each worker, but at least one
    /// quarter. The rest is kept for connections to executors.
    ///
    /// - Parameter limit: RLIMIT_NOFILE; `Int.max` if there is no limit.
    package static func descriptors(ofLimit limit: Int, workers: Int) -> Int {
        guard limit < .max else { return .max }
        return max(limit / 4, limit / 4 * 3 - 16 - 8 * workers)
    }
}
