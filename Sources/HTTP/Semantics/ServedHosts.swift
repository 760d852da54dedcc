// The host names that a listener serves (`listeners[].hosts`), and whether the host of a request is one of them.
internal import Transport

/// A set of host names and IP addresses.
///
/// A name that begins with `*.` stands for all names with one label in place of the `*`, as in certificates.
package struct ServedHosts: Sendable, Equatable {
    private var exact: Set<String> = []
    /// The wildcard names without their `*`, such as `.example.org`.
    private var wildcards: Set<String> = []

    /// - Parameter names: names in the form that `canonical` returns.
    package init(_ names: [String]) {
        for name in names {
            if name.hasPrefix("*.") { wildcards.insert(String(name.dropFirst())) } else { exact.insert(name) }
        }
    }

    /// The normal form of a name or an address: in lower case, without a dot at its end and without brackets.
    ///
    /// - Returns: nil if the text is neither a host name, nor a wildcard name, nor an IP address.
    package static func canonical(_ name: String) -> String? {
        var name = name.lowercased()
        if name.contains(":") {
            if name.hasPrefix("["), name.hasSuffix("]") { name = String(name.dropFirst().dropLast()) }
            return name.contains("%") ? nil : SocketAddress(numeric: name, port: 0)?.host
        }
        if name.hasSuffix(".") { name.removeLast() }
        let isWildcard = name.hasPrefix("*.")
        let labels = (isWildcard ? name.dropFirst(2) : name[...]).split(
            separator: ".",
            omittingEmptySubsequences: false
        )
        let areLabels = labels.allSatisfy { label in
            (1...63).contains(label.utf8.count)
                && label.utf8.allSatisfy { $0.isAlphanumeric || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
        }
        return areLabels && name.utf8.count <= 253 ? name : nil
    }

    /// The host of an authority (`host[:port]`) in the form of `canonical`; nil if the host is neither a name nor an
    /// address.
    package static func host(of authority: [UInt8]) -> String? {
        let host = hostAndPort(authority[...]).host
        return host.isEmpty ? nil : canonical(String(decoding: host, as: UTF8.self))
    }

    /// Whether the host of an authority (`host[:port]`) is in the set.
    ///
    /// The comparison ignores upper case, the port, and one dot at the end of the host.
    package func serves(_ authority: [UInt8]) -> Bool {
        guard let name = Self.host(of: authority) else { return false }
        if exact.contains(name) { return true }
        guard !wildcards.isEmpty, let dot = name.firstIndex(of: "."), !name.hasPrefix("*") else { return false }
        return wildcards.contains(String(name[dot...]))
    }
}
