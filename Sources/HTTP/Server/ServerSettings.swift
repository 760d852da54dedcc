// The limits and deadlines of one listener's connections.
package import Transport

/// The settings that all connections of a listener share; `docs/limits.md` lists the limits.
package struct ServerSettings: Sendable {
    /// The largest request head, in bytes.
    ///
    /// HTTP/2 measures the head by the rule of RFC 9113 section 6.5.2.
    package var headerBytesMax = 32 << 10
    /// The largest number of header fields in a request head.
    package var headerCountMax = 100
    /// The largest number of concurrent requests on one HTTP/2 connection.
    package var streamsMax = 1024
    /// How long a TLS handshake may take.
    package var handshakeTimeout: Nanoseconds = 10_000_000_000
    /// How long a request head may take to arrive, counted from its first byte.
    ///
    /// The client has the same time to send the first byte on a new connection.
    package var headerTimeout: Nanoseconds = 10_000_000_000
    /// How long a connection without requests stays open.
    ///
    /// A client that reads no bytes of a finished response for this time is disconnected, too.
    package var idleTimeout: Nanoseconds = 75_000_000_000
    /// The lowest rate at which a client must read while response bytes wait, in bytes per second; 0 for no limit.
    package var readBytesPerSecondMin = 500
    /// Whether clients may use HTTP/2.
    ///
    /// If false, every connection uses HTTP/1, even if the client offers HTTP/2.
    package var speaksHTTP2 = true
    /// Whether the server honors `Upgrade: h2c` on connections without TLS.
    package var upgradesToHTTP2 = true
    /// Whether the peers are proxies of the operator.
    ///
    /// Such a proxy sends requests of many users on one connection, so the limits against abuse are higher.
    package var isTrusted = false
    /// The value of `idleTimeout` for a connection from a trusted proxy, which carries the requests of many users.
    package var trustedIdleTimeout: Nanoseconds = 905_000_000_000
    /// Which clients are served, by their addresses, and which peers are trusted to give the address of a client.
    package var access = AccessRules()
    /// The HTTPS port to which the server redirects requests; nil if it does not redirect them.
    package var redirectPort: UInt16?
    /// The host names that the listener serves; nil if it serves every host name.
    package var hosts: ServedHosts?
    /// The folder whose `.well-known/acme-challenge` is served to certificate authorities; nil if there is none.
    package var acmeWebroot: String?
    /// The fields that the operator adds to each final response, unless the response already has a field of that name.
    package var responseFields = FieldBlock()

    /// Makes settings with the default values of the configuration.
    package init() {}

    /// Whether `access`, `redirectPort`, `hosts` or `acmeWebroot` may refuse, answer or redirect a request.
    package var hasRequestRules: Bool {
        !access.isOpen || redirectPort != nil || hosts != nil || acmeWebroot != nil
    }

    /// The settings for a connection with this peer.
    ///
    /// A connection from a trusted proxy gets the settings of a trusted listener, because it may carry the requests of
    /// many users. With the PROXY protocol, each connection has one client, so the settings do not change.
    package func adjusted(for peer: SocketAddress) -> ServerSettings {
        guard !isTrusted, access.source != .proxyProtocol, access.trusts(peer) else { return self }
        var settings = self
        settings.isTrusted = true
        settings.idleTimeout = trustedIdleTimeout
        return settings
    }
}
