import Glibc

/// A listening socket with a full backlog: connection attempts are neither completed nor refused.
final class FullListener: Sendable {
    let port: Int
    var url: String { "http://127.0.0.1:\(port)" }

    private let listener: CInt
    private let fillers: [RawConnection]

    init() async throws {
        let port = Port.free()
        let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let bound = SocketAddress.loopback(port: port).withPointer { bind(listener, $0, $1) }
        self.port = port
        self.listener = listener
        guard bound == 0, listen(listener, 0) == 0 else { throw Unmet("cannot listen on \(port)") }
        // A backlog of 0 holds one connection.
        fillers = [try await RawConnection(port: port)]
    }

    deinit { Glibc.close(listener) }

    /// How many connection attempts to this port are in state SYN_SENT (02 in /proc/net/tcp).
    func attempts() throws -> Int {
        let suffix = ":" + String(port, radix: 16, uppercase: true)
        return try socketTable().filter { $0[2].hasSuffix(suffix) && $0[3] == "02" }.count
    }
}
