// How many connections clients may have at once, and which limit decides that.
internal import Transport

/// The most connections of clients under one configuration: the smallest of several limits.
package struct ConnectionRoom: Sendable, Equatable {
    /// The limit for which no more connections are accepted.
    package enum Lack: Sendable, Equatable, CustomStringConvertible {
        /// `max_connections` is reached.
        case maxConnections
        /// The rest of `memory_limit` is used, or kept for a request body.
        case memory
        /// The rest of the process's descriptors is kept for executors.
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

    /// How many connections there may be, on all workers together.
    package private(set) var most: Int
    /// The limit that `most` comes from.
    package private(set) var lack: Lack

    /// The smaller of `max_connections` and what `memory_limit` has room for.
    init(_ configuration: Configuration) {
        (most, lack) = (configuration.maxConnections, .maxConnections)
        let memory = Self.besideBody(of: configuration)
        if memory < most { (most, lack) = (memory, .memory) }
    }

    /// The same, limited to so many descriptors too.
    func within(descriptors: Int) -> ConnectionRoom {
        guard descriptors < most else { return self }
        var room = self
        (room.most, room.lack) = (descriptors, .descriptors)
        return room
    }

    /// How many idle connections leave room in `memory_limit` for one request body of `limits.body` and its scan.
    ///
    /// Connections get at least half of the limit, even where a body then has less than it needs.
    static func besideBody(of configuration: Configuration) -> Int {
        let limit = configuration.memoryLimitBytes
        // A scan needs 17/3 of the size of its body beside the body itself (docs/limits.md), so both need 20/3.
        let need = configuration.limits.bodyBytes / 3 * 20
        return max(1, (limit - min(need, limit / 2)) / MemoryBudget.connectionCharge)
    }

    /// How many of a process's descriptors connections of clients may use.
    ///
    /// These are three quarters, less 16 for the process and 8 for each worker, but at least one quarter. Executors
    /// keep the rest.
    ///
    /// - Parameter limit: RLIMIT_NOFILE; `Int.max` where there is no limit.
    package static func descriptors(ofLimit limit: Int, workers: Int) -> Int {
        guard limit < .max else { return .max }
        return max(limit / 4, limit / 4 * 3 - 16 - 8 * workers)
    }
}
