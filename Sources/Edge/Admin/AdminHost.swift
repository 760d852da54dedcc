// The host names that the admin listener accepts in requests. The check keeps web pages from reading the listener's
// answers.
internal import HTTP
internal import Transport

/// Decides by the `host` field of a request whether the admin listener answers it.
///
/// The check prevents DNS rebinding. In that attack, the owner of a web page lets the name of the page's host resolve
/// to 127.0.0.1. A browser on this machine then takes this listener for the page's own host, and lets the page read the
/// answers. But the `host` field of such a request names the page's host, which is not allowed here.
enum AdminHost {
    /// Whether the listener answers a request for this authority.
    ///
    /// - Parameters:
    ///   - authority: the value of `:authority` or `host`; empty for an HTTP/1.0 request without it, which no browser
    ///     sends.
    ///   - hosts: the names of `admin.hosts`.
    static func isAllowed(_ authority: [UInt8], hosts: [String]) -> Bool {
        guard !authority.isEmpty else { return true }
        guard let name = ServedHosts.host(of: authority) else { return false }
        return name == "localhost" || name.hasSuffix(".localhost") || IPAddress(parsing: name) != nil
            || hosts.contains(name)
    }
}
