import Glibc
import Synchronization

/// Free TCP ports of 127.0.0.1; each is given out once per run.
///
/// The ports are below the kernel's range for client ports, so that no client connection can occupy one between this
/// check and the server's bind.
enum Port {
    private static let next = Mutex(UInt16.random(in: 18000..<29000))

    static func free() -> Int {
        while true {
            let candidate = next.withLock { port in
                port = port < 31999 ? port + 1 : 18000
                return port
            }
            if canBind(candidate) { return Int(candidate) }
        }
    }

    private static func canBind(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return SocketAddress.loopback(port: Int(port)).withPointer { bind(descriptor, $0, $1) } == 0
    }
}

/// An address for a listener or a connection.
enum SocketAddress: Sendable {
    case loopback(port: Int)
    /// An IPv4 address in decimal notation, such as 127.0.0.2.
    case host(String, port: Int)
    case unix(path: String)

    var family: CInt {
        switch self {
        case .loopback, .host: AF_INET
        case .unix: AF_UNIX
        }
    }

    func withPointer<Answer>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Answer) -> Answer {
        switch self {
        case .loopback(let port): return Self.host("127.0.0.1", port: port).withPointer(body)
        case .host(let host, let port):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(UInt16(port)).bigEndian
            inet_pton(AF_INET, host, &address.sin_addr)
            return Self.cast(&address, body)
        case .unix(let path):
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
            return Self.cast(&address, body)
        }
    }

    private static func cast<Address, Answer>(
        _ address: inout Address,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Answer
    ) -> Answer {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }
}
