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
        case (.unix, .unix):
            isSame(as: other)
        case (.tcp(let host, let port), .tcp(let otherHost, let otherPort)):
            port == otherPort && port != 0 && Self.overlap(host, otherHost)
        default:
            false
        }
    }

    /// Whether both are the same place, however they are written.
    package func isSame(as other: ListenAddress) -> Bool {
        switch (self, other) {
        case (.unix(let path), .unix(let otherPath)): Self.simplified(path) == Self.simplified(otherPath)
        case (.tcp(let host, let port), .tcp(let otherHost, let otherPort)):
            port == otherPort && addressBytes(host) == addressBytes(otherHost)
        default: false
        }
    }

    /// Whether an address is another, or one of the two is for all addresses of their family.
    ///
    /// Sockets of IPv6 take nothing of IPv4 here.
    private static func overlap(_ host: String, _ other: String) -> Bool {
        guard let bytes = addressBytes(host), let otherBytes = addressBytes(other), bytes.count == otherBytes.count
        else { return false }
        return bytes == otherBytes || isUnspecified(bytes) || isUnspecified(otherBytes)
    }

    /// A path without what changes nothing in it: `//` and `/./`.
    private static func simplified(_ path: String) -> [Substring] { path.split(separator: "/").filter { $0 != "." } }
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

private func isIPv6Loopback(_ host: String) -> Bool { addressBytes(host) == Array(repeating: 0, count: 15) + [1] }

/// The IPv4 address that an IPv6 address stands for (`::ffff:127.0.0.1`): a socket of IPv6 alone cannot be bound to it.
func mappedIPv4(_ host: String) -> String? {
    guard let bytes = addressBytes(host), bytes.count == 16,
        bytes[..<12] == Array(repeating: 0, count: 10) + [0xFF, 0xFF]
    else { return nil }
    return bytes[12...].map(String.init).joined(separator: ".")
}

/// Whether the bytes of an address are those of 0.0.0.0 or `::`, which a socket for all addresses is bound to.
func isUnspecified(_ bytes: [UInt8]) -> Bool { bytes.allSatisfy { $0 == 0 } }

/// The 4 or 16 bytes of an address, nil where it is none.
func addressBytes(_ host: String) -> [UInt8]? {
    let isV6 = host.contains(":")
    var bytes = [UInt8](repeating: 0, count: isV6 ? 16 : 4)
    let accepted = unsafe bytes.withUnsafeMutableBytes {
        unsafe inet_pton(isV6 ? AF_INET6 : AF_INET, host, $0.baseAddress)
    }
    return accepted == 1 ? bytes : nil
}
