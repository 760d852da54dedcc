// The server that a bench measures: its URL and address, the HTTP version, and what TLS trusts.
internal import HTTP
package import Transport

/// Where and how a bench connects.
package struct BenchTarget: Sendable {
    /// The version of HTTP that is spoken.
    package enum Version: Sendable { case http1, http2 }

    /// The URL as it was given.
    package let url: String
    /// Whether TLS is spoken.
    package let isSecure: Bool
    /// The host of the URL, without brackets.
    package let host: String
    /// `host[:port]`, as requests name it.
    package let authority: String
    /// The first address of the host.
    package let address: SocketAddress
    /// The version of HTTP that is spoken.
    package let version: Version
    /// A PEM file of certificate authorities to trust in place of the system's.
    let caFile: String?
    /// Whether the server's certificate is verified.
    let verifies: Bool

    /// Resolves the host; throws if the URL is malformed or the host has no address.
    ///
    /// - Parameters:
    ///   - url: `https://host[:port]` or `http://host[:port]`; a path is ignored.
    ///   - insecure: do not verify the server's certificate.
    ///   - resolve: entries `host:port:address`, as for curl; `address` may be in brackets.
    package init(
        url: String,
        version: Version,
        caFile: String? = nil,
        insecure: Bool = false,
        resolve: [String] = []
    ) throws(BenchError) {
        guard let (isSecure, rest) = Self.scheme(of: url) else {
            throw BenchError("\(url): an URL begins with https:// or http://")
        }
        self.isSecure = isSecure
        authority = String(rest.prefix { $0 != "/" && $0 != "?" })
        guard let (host, port) = Self.split(authority, defaultPort: isSecure ? 443 : 80) else {
            throw BenchError("\(url): the host is not host[:port]")
        }
        self.url = url
        self.host = host
        self.version = version
        self.caFile = caFile
        verifies = !insecure
        let name = Self.override(of: host, port: port, in: resolve) ?? host
        guard let address = SocketAddress.resolve(host: name, port: port).first else {
            throw BenchError("\(name): the name does not resolve")
        }
        self.address = address
    }

    /// Whether a URL is for TLS, and what is behind its scheme; nil for another scheme.
    private static func scheme(of url: String) -> (isSecure: Bool, rest: Substring)? {
        if url.hasPrefix("https://") { return (true, url.dropFirst(8)) }
        if url.hasPrefix("http://") { return (false, url.dropFirst(7)) }
        return nil
    }

    /// The parts of `host[:port]`, without brackets; nil if it is malformed.
    static func split(_ authority: String, defaultPort: UInt16) -> (host: String, port: UInt16)? {
        var host = authority
        var port = defaultPort
        if let colon = authority.lastIndex(of: ":"), authority.last != "]" {
            guard let number = UInt16(authority[authority.index(after: colon)...]) else { return nil }
            port = number
            host = String(authority[..<colon])
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        return host.isEmpty ? nil : (host, port)
    }

    private static func override(of host: String, port: UInt16, in entries: [String]) -> String? {
        let prefix = "\(host):\(port):"
        guard let entry = entries.first(where: { $0.hasPrefix(prefix) }) else { return nil }
        let address = entry.dropFirst(prefix.count)
        return String(address.hasPrefix("[") && address.hasSuffix("]") ? address.dropFirst().dropLast() : address)
    }

    /// The protocol in words, for the report.
    var wording: String { "\(version == .http2 ? "HTTP/2" : "HTTP/1.1") \(isSecure ? "over TLS" : "in clear")" }
}
