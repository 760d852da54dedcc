import Glibc

/// A listening socket whose backlog is full: a connection to it is neither made nor refused.
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
        // A backlog of 0 takes one.
        fillers = [try await RawConnection(port: port)]
    }

    deinit { Glibc.close(listener) }

    /// How many connections are being opened to it, as the kernel has it (state 02: SYN sent).
    func attempts() throws -> Int {
        let suffix = ":" + String(port, radix: 16, uppercase: true)
        return try socketTable().filter { $0[2].hasSuffix(suffix) && $0[3] == "02" }.count
    }
}
