// The URL of an executor: `http://HOST:PORT/PREFIX`, `https://HOST:PORT/PREFIX` or `unix:/PATH`.
package import Transport

/// The parsed URL of an executor.
///
/// Together with a model's name, the URL identifies the executor in logs and metrics.
package struct ExecutorURL: Sendable, Hashable {
    /// The URL's scheme; `unix` is cleartext over a unix socket.
    package enum Scheme: String, Sendable, CaseIterable {
        case http, https, unix
    }

    /// The scheme, which says whether the executor is reached in cleartext, over TLS or over a unix socket.
    package let scheme: Scheme
    /// The host name or the IP address, in lower case and without brackets; empty for a unix socket.
    package let host: String
    /// The port, 1 to 65535; 0 for a unix socket.
    package let port: UInt16
    /// The part of request targets before `/v1`: empty, or a path that starts with a slash and does not end with a
    /// slash.
    package let pathPrefix: String
    /// The absolute path of the unix socket; empty for the other schemes.
    package let socketPath: String

    /// Parses a URL; returns a problem for any other text.
    package static func parse(_ text: String) -> Result<ExecutorURL, ValueProblem> {
        if text.hasPrefix("unix:") {
            return unixPath(text.dropFirst(5)).map {
                ExecutorURL(scheme: .unix, host: "", port: 0, pathPrefix: "", socketPath: $0)
            }
        }
        let scheme: Scheme
        var rest: Substring
        if text.hasPrefix("http://") {
            (scheme, rest) = (.http, text.dropFirst(7))
        } else if text.hasPrefix("https://") {
            (scheme, rest) = (.https, text.dropFirst(8))
        } else {
            return .failure(ValueProblem("must begin with http://, https:// or unix:/"))
        }
        let pathStart = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        let authority = rest[..<pathStart]
        rest = rest[pathStart...]
        if authority.contains("@") { return .failure(ValueProblem("must not carry a user or a password: use api_key")) }
        return hostAndPort(authority, defaultPort: scheme == .http ? 80 : 443).flatMap { host, port in
            prefix(rest).map {
                ExecutorURL(scheme: scheme, host: host, port: port, pathPrefix: $0, socketPath: "")
            }
        }
    }

    /// The value of the `host` field in requests to the executor.
    ///
    /// The default port of the scheme is left out.
    package var authority: String {
        if scheme == .unix { return "localhost" }
        let bracketed = host.contains(":") ? "[\(host)]" : host
        return port == (scheme == .http ? 80 : 443) ? bracketed : "\(bracketed):\(port)"
    }

    private static func hostAndPort(
        _ authority: Substring,
        defaultPort: UInt16
    ) -> Result<(String, UInt16), ValueProblem> {
        var host = authority
        var port = defaultPort
        let hostEnd = authority.lastIndex(of: "]") ?? authority.startIndex
        if let colon = authority[hostEnd...].firstIndex(of: ":") {
            guard let parsed = parsePort(authority[authority.index(after: colon)...]), parsed != 0 else {
                return .failure(ValueProblem("has no port between 1 and 65535 after its host"))
            }
            (host, port) = (authority[..<colon], parsed)
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            let address = String(host.dropFirst().dropLast())
            guard isIPv6(address) else { return .failure(ValueProblem("has no IPv6 address between its brackets")) }
            return .success((address.lowercased(), port))
        }
        guard isHostName(host) else { return .failure(ValueProblem("has no valid host name or address")) }
        return .success((host.lowercased(), port))
    }

    /// Whether a text is an IPv4 address or a DNS name.
    ///
    /// A name may have underscores, as names in container networks do.
    private static func isHostName(_ host: Substring) -> Bool {
        guard (1...253).contains(host.utf8.count) else { return false }
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.allSatisfy(isLabel), let last = labels.last else { return false }
        // If the last label is a number, the host must be an IPv4 address, as in the WHATWG URL standard.
        return last.utf8.allSatisfy(\.isDigit) ? isIPv4(String(host)) : true
    }

    /// Whether a text is one label of a name: letters, digits, underscores, and hyphens that are neither first nor
    /// last.
    private static func isLabel(_ label: Substring) -> Bool {
        (1...63).contains(label.utf8.count) && label.utf8.first != 0x2D && label.utf8.last != 0x2D
            && label.utf8.allSatisfy { $0.isAlphanumeric || $0 == 0x2D || $0 == 0x5F }
    }

    /// Checks the path of a URL, and returns the path without its final slashes.
    private static func prefix(_ path: Substring) -> Result<String, ValueProblem> {
        if path.contains(where: { "?#".contains($0) }) {
            return .failure(ValueProblem("must not carry a query or a fragment"))
        }
        guard path.utf8.allSatisfy({ $0.isAlphanumeric || Array("-._~!$&'()*+,;=:@%/".utf8).contains($0) }) else {
            return .failure(ValueProblem("has a character in its path that needs percent-encoding"))
        }
        var path = path
        while path.hasSuffix("/") { path = path.dropLast() }
        if path.hasSuffix("/v1") {
            return .failure(ValueProblem("must end before /v1: requests bring their own"))
        }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        if segments.contains(where: { $0 == "." || $0 == ".." }) {
            return .failure(ValueProblem("must not have '.' or '..' in its path"))
        }
        if let base = base(segments.dropFirst().map { $0.lowercased() }) {
            let kept = segments[..<(1 + base)].joined(separator: "/")
            let end = kept.isEmpty ? "its host" : "'\(kept)'"
            return .failure(ValueProblem("names an endpoint: must end at \(end), since requests bring their own"))
        }
        return .success(String(path))
    }

    /// Returns how many segments of a path come before the API endpoint with which the path ends.
    ///
    /// A `v1` directly before the endpoint is not counted. The result is nil if the path does not end in an endpoint.
    ///
    /// A name of one segment, such as `models`, is taken for an endpoint only if `v1` or nothing comes before it.
    /// Elsewhere, as in `gateway/models`, it may be a part of the path under which a gateway serves the engine.
    private static func base(_ segments: [String]) -> Int? {
        func ends(in words: [String]) -> Bool {
            let base = segments.count - words.count
            guard base >= 0, Array(segments[base...]) == words else { return false }
            return words.count > 1 || base == 0 || segments[base - 1] == "v1"
        }
        let found = endpoints.map { $0.split(separator: "/").map(String.init) }.filter(ends).map(\.count)
        guard let longest = found.max() else { return nil }
        let base = segments.count - longest
        return base > 0 && segments[base - 1] == "v1" ? base - 1 : base
    }

    /// The paths of engines' APIs; each may also be preceded by `v1`.
    private static let endpoints = [
        "chat/completions", "completions", "completion", "embeddings", "embedding", "responses", "responses/compact",
        "responses/input_tokens", "messages", "messages/count_tokens", "models", "rerank", "reranking", "v2/rerank",
        "score", "classify", "pooling", "moderations", "images/generations", "images/edits", "audio/speech",
        "audio/transcriptions", "audio/translations", "tokenize", "detokenize", "v2/embed", "api/chat", "api/generate",
        "api/embed", "api/tags", "api/show", "generate", "generate_stream", "infill", "health", "metrics",
    ]
}

extension ExecutorURL: CustomStringConvertible {
    /// The URL in a normal form, which always has the port; logs and metrics show this form.
    package var description: String {
        if scheme == .unix { return "unix:\(socketPath)" }
        let bracketed = host.contains(":") ? "[\(host)]" : host
        return "\(scheme.rawValue)://\(bracketed):\(port)\(pathPrefix)"
    }
}

extension AddressBook {
    /// Makes the list of addresses to which connections for a URL are made.
    ///
    /// For a host name, the list is empty until a `NameResolver` has found addresses.
    package convenience init(of url: ExecutorURL) {
        guard url.scheme == .unix else {
            self.init(host: url.host, port: url.port)
            return
        }
        guard let address = SocketAddress(unixPath: url.socketPath) else {
            preconditionFailure("a URL was parsed with a path that no address can hold")
        }
        self.init(address)
    }
}
