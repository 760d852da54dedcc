// Why a worker accepts no connection for a moment, as a metric label.
internal import Glibc

/// Why a worker pauses accepting; the raw values are the label `cause` of `freeinference_accept_pauses_total`.
package enum AcceptPause: String, CaseIterable, Sendable {
    /// `max_connections` is reached.
    case connections = "max_connections"
    /// `memory_limit` is reached.
    case memory = "memory_limit"
    /// The process or the system has no free file descriptor, or the last free ones are reserved for connections to
    /// executors.
    case descriptors
    /// The system has too little memory, or epoll already watches as many sockets as the system allows.
    case system

    /// The cause of a pause at a limit on connections, memory or descriptors.
    init(_ lack: ConnectionRoom.Lack) {
        self =
            switch lack {
            case .maxConnections: .connections
            case .memory: .memory
            case .descriptors: .descriptors
            }
    }

    /// The cause of a pause after an error of `accept4`, epoll or io_uring with this `errno`.
    init(code: CInt) { self = code == EMFILE || code == ENFILE ? .descriptors : .system }

    /// The index of the cause in `WorkerCounters.acceptPauses`.
    var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
