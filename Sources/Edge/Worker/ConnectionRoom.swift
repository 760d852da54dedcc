// How many connections of clients there may be at once, and which limit says so.
internal import Configuration
internal import Transport

/// Of one configuration.
package struct ConnectionRoom: Sendable, Equatable {
    /// What there is no room of for one more connection.
    package enum Lack: Sendable, Equatable, CustomStringConvertible {
        /// `max_connections` are there.
        case maxConnections
        /// The rest of `memory_limit` is in use, or kept for a request body.
        case memory
        /// The rest of the process's descriptors is kept for executors.
        case descriptors

        package var description: String {
            switch self {
            case .maxConnections: "max_connections is reached"
            case .memory: "memory_limit is reached"
            case .descriptors: "the rest of the descriptors (RLIMIT_NOFILE) is kept for executors"
            }
        }
    }

    package private(set) var most: Int
    /// What `most` is for.
    package private(set) var lack: Lack

    init(_ configuration: Configuration) {
        (most, lack) = (configuration.maxConnections, .maxConnections)
        let memory = configuration.connectionsBesideBody
        if memory < most { (most, lack) = (memory, .memory) }
    }

    func within(descriptors: Int) -> ConnectionRoom {
        guard descriptors < most else { return self }
        var room = self
        (room.most, room.lack) = (descriptors, .descriptors)
        return room
    }

    /// How many of a process's descriptors are for clients.
    ///
    /// Three quarters, less what the process itself has open, but a quarter at least.
    ///
    /// - Parameter limit: RLIMIT_NOFILE.
    package static func descriptors(ofLimit limit: Int, workers: Int) -> Int {
        guard limit < .max else { return .max }
        return max(limit / 4, limit / 4 * 3 - 16 - 8 * workers)
    }
}
