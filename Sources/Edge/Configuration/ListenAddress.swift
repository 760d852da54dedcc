// Where a listening socket is bound: an address and a port, or the path of a unix socket.

import Glibc

/// A place to listen on.
///
/// Hosts are addresses, never names: what is bound must not depend on a resolver.
package enum ListenAddress: Sendable, Hashable {
    /// `host` is an IPv4 or IPv6 address without brackets.
    ///
    /// Port 0 takes any free one.
    case tcp(host: String, port: UInt16)
    case unix(path: String)

    /// The longest path that fits `sockaddr_un.sun_path` with its final zero.
    package static let unixPathBytesMax = 107

    /// Reads `HOST:PORT`, `[v6]:PORT` or `unix:/PATH`.
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
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
            guard isIPv6(host) else { return .failure(ValueProblem("has no IPv6 address between its brackets")) }
            return .success(.tcp(host: host, port: port))
        }
        if host == "localhost" { return .success(.tcp(host: "127.0.0.1", port: port)) }
        if host.contains(":") { return .failure(ValueProblem("needs brackets around its IPv6 address: [v6]:PORT")) }
        guard isIPv4(host) else {
            return .failure(ValueProblem("must begin with an IP address (0.0.0.0 for all) or localhost"))
        }
        return .success(.tcp(host: host, port: port))
    }

    /// Whether only this machine can connect.
    package var isLocal: Bool {
        switch self {
        case .unix: true
        case .tcp(let host, _): host.contains(":") ? isIPv6Loopback(host) : host.hasPrefix("127.")
        }
    }

    /// Whether binding both would fail; two ports 0 never meet.
    package func collides(with other: ListenAddress) -> Bool {
        switch (self, other) {
        case (.unix(let path), .unix(let otherPath)):
            path == otherPath
        case (.tcp(let host, let port), .tcp(let otherHost, let otherPort)):
            port == otherPort && port != 0 && addressBytes(host) == addressBytes(otherHost)
        default:
            false
        }
    }
}

extension ListenAddress: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

/// Why a single value is not what it should be, worded to follow the quoted value.
package struct ValueProblem: Error, Sendable, Equatable {
    package let message: String

    package init(_ message: String) {
        self.message = message
    }
}

/// Checks the path after `unix:`.
func unixPath(_ path: Substring) -> Result<String, ValueProblem> {
    guard path.hasPrefix("/"), path.count > 1 else {
        return .failure(ValueProblem("needs an absolute path after unix:"))
    }
    guard !path.utf8.contains(0) else { return .failure(ValueProblem("has a zero byte in its path")) }
    guard path.utf8.count <= ListenAddress.unixPathBytesMax else {
        return .failure(
            ValueProblem(
                "has a path of \(path.utf8.count) bytes; the system takes at most \(ListenAddress.unixPathBytesMax)"
            )
        )
    }
    return .success(String(path))
}

/// A port of decimal digits and nothing else.
func parsePort(_ text: Substring) -> UInt16? {
    guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return UInt16(text)
}

func isIPv4(_ host: String) -> Bool {
    !host.utf8.contains(0) && !host.contains(":") && addressBytes(host) != nil
}

func isIPv6(_ host: String) -> Bool {
    !host.utf8.contains(0) && host.contains(":") && addressBytes(host) != nil
}

private func isIPv6Loopback(_ host: String) -> Bool {
    guard let bytes = addressBytes(host) else { return false }
    if bytes == Array(repeating: 0, count: 15) + [1] { return true }
    // ::ffff:127.0.0.0/104, loopback of IPv4 by another name.
    return Array(bytes[..<12]) == Array(repeating: 0, count: 10) + [0xFF, 0xFF] && bytes[12] == 127
}

/// The 4 or 16 bytes of an address, nil where it is none.
private func addressBytes(_ host: String) -> [UInt8]? {
    let isV6 = host.contains(":")
    var bytes = [UInt8](repeating: 0, count: isV6 ? 16 : 4)
    let accepted = unsafe bytes.withUnsafeMutableBytes {
        unsafe inet_pton(isV6 ? AF_INET6 : AF_INET, host, $0.baseAddress)
    }
    return accepted == 1 ? bytes : nil
}
