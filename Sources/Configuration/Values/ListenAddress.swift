// The address of a listening socket: an IP address and a port, or the path of a unix socket.

/// The address of a listening socket.
///
/// Hosts are IP addresses and never names, so that binding does not depend on a resolver.
package enum ListenAddress: Sendable, Hashable {
    /// An IPv4 or IPv6 address, without brackets, and a port; port 0 means any free port.
    case tcp(host: String, port: UInt16)
    /// The absolute path of a socket, at most `unixPathBytesMax` bytes.
    case unix(path: String)

    /// The length in bytes of the longest path that fits into `sockaddr_un.sun_path` with the zero byte at the end.
    package static let unixPathBytesMax = 107

    /// Parses `HOST:PORT`, `[v6]:PORT` or `unix:/PATH`; returns a problem for any other text.
    package static func parse(_ text: String) -> Result<ListenAddress, ValueProblem> {
        if text.hasPrefix("unix:") {
            return unixPath(text.dropFirst(5)).map { .unix(path: $0) }
        }
        guard let colon = text.lastIndex(of: ":") else {
            return .failure(ValueProblem("needs a port: HOST:PORT, [v6]:PORT or unix:/PATH"))
        }
        guard let port = parsePort(text[text.index(after: colon)...]) else {
            return .failure(ValueProblem("has no port between 0 and 65535 after its last colon"))
        }
        return address(host: String(text[..<colon]), port: port)
    }

    /// Checks the host, which is the text before the last colon, and makes an address of the host and the port.
    private static func address(host: String, port: UInt16) -> Result<ListenAddress, ValueProblem> {
        if host.hasPrefix("["), host.hasSuffix("]") {
            let host = String(host.dropFirst().dropLast())
            guard isIPv6(host) else { return .failure(ValueProblem("has no IPv6 address between its brackets")) }
            return .success(.tcp(host: mappedIPv4(host) ?? host, port: port))
        }
        if host.isEmpty || host == "*" {
            return .failure(
                ValueProblem("needs an address: 0.0.0.0:\(port) for all of IPv4, \"[::]:\(port)\" for all of IPv6")
            )
        }
        if host == "localhost" { return .success(.tcp(host: "127.0.0.1", port: port)) }
        if host.contains(":") { return .failure(ValueProblem("needs brackets around its IPv6 address: [v6]:PORT")) }
        guard isIPv4(host) else {
            return .failure(ValueProblem("must begin with an IP address (0.0.0.0 for all) or localhost"))
        }
        return .success(.tcp(host: host, port: port))
    }

    /// Whether only processes of this machine can connect to the address.
    package var isLocal: Bool {
        switch self {
        case .unix: true
        case .tcp(let host, _): host.contains(":") ? isIPv6Loopback(host) : host.hasPrefix("127.")
        }
    }

    /// Whether listeners on the two addresses would be in conflict.
    ///
    /// Two addresses with port 0 are never in conflict, because the system chooses another free port for each.
    package func collides(with other: ListenAddress) -> Bool {
        switch (self, other) {
        case (.unix, .unix):
            isSame(as: other)
        case (.tcp(let host, let port), .tcp(let otherHost, let otherPort)):
            port == otherPort && port != 0 && Self.overlap(host, otherHost)
        default:
            false
        }
    }

    /// Whether both addresses are the same, even if they are written differently.
    package func isSame(as other: ListenAddress) -> Bool {
        switch (self, other) {
        case (.unix(let path), .unix(let otherPath)): Self.simplified(path) == Self.simplified(otherPath)
        case (.tcp(let host, let port), .tcp(let otherHost, let otherPort)):
            port == otherPort && addressBytes(host) == addressBytes(otherHost)
        default: false
        }
    }

    /// Whether two addresses are equal, or one of them means all IPv4 or all IPv6 addresses of this machine.
    ///
    /// Addresses of different families never overlap, because a listener of this server on `::` does not accept IPv4
    /// connections.
    private static func overlap(_ host: String, _ other: String) -> Bool {
        guard let bytes = addressBytes(host), let otherBytes = addressBytes(other), bytes.count == otherBytes.count
        else { return false }
        return bytes == otherBytes || isUnspecified(bytes) || isUnspecified(otherBytes)
    }

    /// Returns the segments of a path without empty segments and `.`, because these do not change the path's meaning.
    private static func simplified(_ path: String) -> [Substring] { path.split(separator: "/").filter { $0 != "." } }
}

extension ListenAddress: CustomStringConvertible {
    /// The address as a configuration writes it: `HOST:PORT`, `[v6]:PORT` or `unix:/PATH`.
    package var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
