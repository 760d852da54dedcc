// Parses the parts of addresses that listeners and executors both have: IP addresses, ports, paths of unix sockets.
import Glibc
internal import Transport

/// Checks the path after `unix:`, and returns the path or a problem.
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

/// Parses a port of one to five decimal digits, 0 to 65535; nil for any other text.
func parsePort(_ text: Substring) -> UInt16? {
    guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy(\.isDigit) else { return nil }
    return UInt16(text)
}

/// Whether a text is an IPv4 address of four numbers.
func isIPv4(_ host: String) -> Bool {
    !host.utf8.contains(0) && !host.contains(":") && addressBytes(host) != nil
}

/// Whether a text is an IPv6 address, without brackets.
func isIPv6(_ host: String) -> Bool {
    !host.utf8.contains(0) && host.contains(":") && addressBytes(host) != nil
}

/// Whether a text is the address `::1` in any notation.
func isIPv6Loopback(_ host: String) -> Bool { addressBytes(host) == Array(repeating: 0, count: 15) + [1] }

/// Returns the IPv4 address in an IPv4-mapped IPv6 address such as `::ffff:127.0.0.1`; nil for any other text.
///
/// Listeners bind the IPv4 address, because a socket that accepts only IPv6 cannot be bound to an IPv4-mapped address.
func mappedIPv4(_ host: String) -> String? {
    guard let bytes = addressBytes(host), bytes.count == 16,
        bytes[..<12] == Array(repeating: 0, count: 10) + [0xFF, 0xFF]
    else { return nil }
    return bytes[12...].map(String.init).joined(separator: ".")
}

/// Whether the bytes are the address `0.0.0.0`, which means all IPv4 addresses, or `::`, which means all IPv6
/// addresses.
func isUnspecified(_ bytes: [UInt8]) -> Bool { bytes.allSatisfy { $0 == 0 } }

/// Returns the 4 or 16 bytes of an address in network order; nil if the text is not an address.
func addressBytes(_ host: String) -> [UInt8]? {
    let isV6 = host.contains(":")
    var bytes = [UInt8](repeating: 0, count: isV6 ? 16 : 4)
    let accepted = unsafe bytes.withUnsafeMutableBytes {
        unsafe inet_pton(isV6 ? AF_INET6 : AF_INET, host, $0.baseAddress)
    }
    return accepted == 1 ? bytes : nil
}
