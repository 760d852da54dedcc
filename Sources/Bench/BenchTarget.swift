// The server that a bench measures: its URL and address, the HTTP version, and the trusted certificate authorities.
internal import HTTP
package import Transport

/// The server to which a bench connects, and how it connects.
package struct BenchTarget: Sendable {
    /// The HTTP version that the bench speaks.
    package enum Version: Sendable { case http1, http2 }

    /// The URL as the user gave it.
    package let url: String
    /// Whether connections use TLS.
    package let isSecure: Bool
    /// The host of the URL, without brackets.
    package let host: String
    /// `host[:port]` from the URL, for `host` and `:authority` fields.
    package let authority: String
    /// The address to connect to: from the initializer's `resolve` argument, or else the host's first address.
    package let address: SocketAddress
    /// The HTTP version that the bench speaks.
    package let version: Version
    /// A PEM file of the certificate authorities to trust; nil to trust the authorities of the system.
    let caFile: String?
    /// Whether the bench verifies the server's certificate.
    let verifies: Bool
    /// The `host:port:address` entries that override DNS.
    let overrides: [String]

    /// Parses the URL and resolves its host.
    ///
    /// - Parameters:
    ///   - url: `https://host[:port]` or `http://host[:port]`; a path is ignored.
    ///   - insecure: whether to accept any server certificate.
    ///   - resolve: `host:port:address` entries that override DNS, like curl's `--resolve`; `address` may be in
    ///     brackets.
    /// - Throws: when the URL is malformed, or the host has no address.
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
        overrides = resolve
        let name = Self.override(of: host, port: port, in: resolve) ?? host
        guard let address = SocketAddress.resolve(host: name, port: port).first else {
            throw BenchError("\(name): the name does not resolve")
        }
        self.address = address
    }

    /// Whether a URL demands TLS, and the text after its scheme; nil for schemes other than http and https.
    private static func scheme(of url: String) -> (isSecure: Bool, rest: Substring)? {
        if url.hasPrefix("https://") { return (true, url.dropFirst(8)) }
        if url.hasPrefix("http://") { return (false, url.dropFirst(7)) }
        return nil
    }

    /// The host (without brackets) and port of `host[:port]`; nil if the text is malformed.
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
