import Foundation
import Testing

/// A datagram socket like the socket that systemd names in `NOTIFY_SOCKET`.
final class NotifySocket {
    private let descriptor: CInt
    private(set) var states: [String] = []

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
        }
        guard bound == 0 else { throw Unmet("cannot bind \(path): \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    /// Reads the messages to systemd that have arrived, and counts those so far that begin with `start`.
    func count(_ start: String) -> Int {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, CInt(MSG_DONTWAIT))
            guard count > 0 else { break }
            states.append(String(decoding: buffer[..<count], as: UTF8.self))
        }
        return states.count { $0.hasPrefix(start) }
    }
}
