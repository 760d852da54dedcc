// Resolves the `location` field of an engine's response with status 307 or 308. A redirect to another engine is
// refused.
internal import Inference

/// Decides where an engine's redirect leads, and whether it stays at the same engine.
enum EngineRedirect {
    /// The maximum length of a `location` that is followed, in bytes.
    private static let lengthMax = 8192

    /// The request target that a `location` names (RFC 9110 section 10.2.2, RFC 3986 section 5.2).
    ///
    /// - Parameters:
    ///   - location: The value of the field.
    ///   - current: The target of the request that was redirected.
    ///   - host: The `host` field of the request that was redirected.
    ///   - prefix: The path prefix of the engine. Other services may be at other paths of the same host.
    ///   - isSecure: Whether the request was sent over TLS.
    /// - Returns: The target; nil if the redirect must not be followed, because it leads to another scheme, host, port
    ///   or prefix, or is not a URL.
    static func target(
        _ location: String,
        from current: [UInt8],
        host: [UInt8],
        prefix: [UInt8],
        isSecure: Bool
    ) -> [UInt8]? {
        guard (1...lengthMax).contains(location.utf8.count), location.utf8.allSatisfy(isOfURL) else { return nil }
        guard let rest = pathAndQuery(of: location.prefix { $0 != "#" }, host: host, isSecure: isSecure) else {
            return nil
        }
        let path = rest.prefix { $0 != "?" }
        let query = String(rest[path.endIndex...])
        let base = String(String(decoding: current, as: UTF8.self).prefix { $0 != "?" })
        if path.isEmpty { return Array((base + query).utf8) }
        let folder = String(base[...(base.lastIndex(of: "/") ?? base.startIndex)])
        let whole = withoutDots(path.hasPrefix("/") ? String(path) : folder + String(path))
        return isBelow(whole, prefix) ? Array((whole + query).utf8) : nil
    }

    /// The path and the query of a URL or relative reference.
    ///
    /// The result is nil if the URL has a scheme or an authority that differs from the engine's.
    private static func pathAndQuery(of location: Substring, host: [UInt8], isSecure: Bool) -> Substring? {
        var rest = location
        let scheme = isSecure ? "https:" : "http:"
        if let colon = rest.firstIndex(of: ":"), !rest[..<colon].contains(where: { "/?".contains($0) }) {
            guard rest[...colon].lowercased() == scheme else { return nil }
            rest = rest[rest.index(after: colon)...]
            guard rest.hasPrefix("//") else { return nil }
        }
        if rest.hasPrefix("//") {
            rest = rest.dropFirst(2)
            let authority = rest.prefix { !"/?".contains($0) }
            let own = String(decoding: host, as: UTF8.self)
            guard canonical(String(authority), isSecure) == canonical(own, isSecure) else { return nil }
            rest = rest[authority.endIndex...]
            if !rest.hasPrefix("/") { rest = Substring("/" + String(rest)) }
        }
        return rest
    }

    /// Whether a path is the engine's path prefix or below it, for every way in which a server may read the path.
    ///
    /// A server may decode percent escapes once or several times, drop the parameters of segments, and read `\` as `/`.
    private static func isBelow(_ path: String, _ prefix: [UInt8]) -> Bool {
        var own = String(decoding: prefix, as: UTF8.self)
        while own.hasSuffix("/") { own.removeLast() }
        var path = path
        while true {
            for form in [path, read(path)] where form != own && !form.hasPrefix(own + "/") { return false }
            let decoded = withoutEscapes(path)
            if decoded == path { return true }
            (path, own) = (decoded, withoutEscapes(own))
        }
    }

    /// The path as a lenient server reads it: with `\` as `/`, without parameters of segments and without dot segments.
    private static func read(_ path: String) -> String {
        let segments = path.replacing("\\", with: "/").split(separator: "/", omittingEmptySubsequences: false)
        return path.isEmpty ? "" : withoutDots(segments.map { $0.prefix { $0 != ";" } }.joined(separator: "/"))
    }

    /// The path with its percent escapes decoded once.
    private static func withoutEscapes(_ path: String) -> String {
        String(decoding: percentDecoded(Array(path.utf8)[...]), as: UTF8.self)
    }

    /// Whether a URL may contain the byte: a visible ASCII character, except some punctuation.
    ///
    /// So a redirect cannot contain a space or a line end, which would end the target in the request line.
    private static func isOfURL(_ byte: UInt8) -> Bool {
        (0x21...0x7E).contains(byte) && !"\"<>\\^`{|}".utf8.contains(byte)
    }

    /// The host and port in lower case, without the port that is the default of the scheme.
    private static func canonical(_ authority: String, _ isSecure: Bool) -> String {
        let text = authority.lowercased()
        let port = isSecure ? ":443" : ":80"
        return text.hasSuffix(port) ? String(text.dropLast(port.utf8.count)) : text
    }

    /// Removes the dot segments of a path that begins with a slash (RFC 3986 section 5.2.4).
    private static func withoutDots(_ path: String) -> String {
        var kept: [Substring] = []
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        for (index, segment) in segments.enumerated() {
            let isLast = index == segments.count - 1
            switch segment {
            case ".": if isLast { kept.append("") }
            case "..":
                _ = kept.popLast()
                if isLast { kept.append("") }
            default: kept.append(segment)
            }
        }
        return "/" + kept.joined(separator: "/")
    }
}
