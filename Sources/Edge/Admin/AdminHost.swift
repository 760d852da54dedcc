// Under which names the admin listener may be asked, so that no web page can read it.
internal import Configuration

/// Decides by the `host` field of a request whether the admin listener answers it.
///
/// A page that a browser of this machine shows cannot read another origin. But its owner may let its name resolve to
/// 127.0.0.1 (DNS rebinding); then the listener is of the page's origin. The browser still sends the page's name.
enum AdminHost {
    /// Whether a request for this authority is answered.
    ///
    /// - Parameters:
    ///   - authority: the value of `:authority` or `host`; empty if an HTTP/1.0 request has none, which no browser sends.
    ///   - hosts: the names of `admin.hosts`.
    static func isAllowed(_ authority: [UInt8], hosts: [String]) -> Bool {
        guard !authority.isEmpty else { return true }
        var name = String(decoding: authority, as: UTF8.self).lowercased()
        if name.hasPrefix("[") {
            guard let end = name.firstIndex(of: "]") else { return false }
            return isAddress(String(name[name.index(after: name.startIndex)..<end]))
        }
        if let colon = name.firstIndex(of: ":") { name = String(name[..<colon]) }
        if name.hasSuffix(".") { name.removeLast() }
        return name == "localhost" || name.hasSuffix(".localhost") || isAddress(name) || hosts.contains(name)
    }

    private static func isAddress(_ text: String) -> Bool {
        if case .success = ListenAddress.parse(text.contains(":") ? "[\(text)]:0" : "\(text):0") {
            return text != "localhost"
        }
        return false
    }
}
