import Foundation
import Glibc

/// A private `/etc/hosts` and `/etc/resolv.conf` for a server, in a mount namespace; needs root.
struct PrivateNames {
    static let areAvailable = geteuid() == 0

    private let hosts: String
    private let resolver: String

    /// - Parameter nameServer: The address of the name server (port 53). Nothing listens at the default address.
    init(nameServer: String = "127.0.0.99", in scratch: Scratch) throws {
        hosts = try scratch.write("", to: "hosts")
        resolver = try scratch.write("nameserver \(nameServer)\n", to: "resolv.conf")
    }

    /// The beginning of a command line; the rest is a program, which runs with the private files.
    var launcher: [String] {
        let script = "mount --bind \(hosts) /etc/hosts && mount --bind \(resolver) /etc/resolv.conf && exec \"$@\""
        return ["unshare", "--mount", "sh", "-c", script, "sh"]
    }

    /// Rewrites the hosts file in place, because the bind mount refers to the file and not to its name.
    func setHosts(_ text: String) throws {
        let descriptor = open(hosts, O_WRONLY | O_TRUNC | O_CLOEXEC)
        defer { close(descriptor) }
        guard descriptor >= 0, write(descriptor, text, text.utf8.count) == text.utf8.count else {
            throw Unmet("cannot write \(hosts)")
        }
    }
}

/// A name server that never answers, on port 53 of a loopback address; needs root.
final class SilentNameServer: Sendable {
    private let descriptor: CInt

    init(address: String) throws {
        descriptor = socket(AF_INET, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var bound = sockaddr_in()
        bound.sin_family = sa_family_t(AF_INET)
        bound.sin_port = UInt16(53).bigEndian
        inet_pton(AF_INET, address, &bound.sin_addr)
        let result = withUnsafePointer(to: &bound) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Unmet("cannot bind \(address):53: \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }
}
