// The limits and deadlines of one listener's connections.
package import Transport

/// The settings that all connections of a listener share; `docs/limits.md` lists the limits.
package struct ServerSettings: Sendable {
    /// The largest request head, in bytes.
    ///
    /// HTTP/2 counts by the rule of RFC 9113 section 6.5.2.
    package var headerBytesMax = 32 << 10
    /// The most fields of a request head.
    package var headerCountMax = 100
    /// The most requests of one HTTP/2 connection at once.
    package var streamsMax = 1024
    /// How long a TLS handshake may take.
    package var handshakeTimeout: Nanoseconds = 10_000_000_000
    /// How long a request head may take to arrive, once its first byte is there.
    package var headerTimeout: Nanoseconds = 10_000_000_000
    /// How long a connection without requests stays open, and how long a client may take nothing of a finished
    /// response.
    package var idleTimeout: Nanoseconds = 75_000_000_000
    /// Whether clients may speak HTTP/2; otherwise only HTTP/1 is spoken, whatever a client offers.
    package var speaksHTTP2 = true
    /// Whether `Upgrade: h2c` is honoured on connections in clear.
    package var upgradesToHTTP2 = true
    /// Whether the peers are proxies of the operator, whose connections carry many users: limits of abuse are higher.
    package var isTrusted = false
    /// The port of HTTPS to which the delegate redirects requests; nil if it does not.
    package var redirectPort: UInt16?

    /// The defaults of the configuration.
    package init() {}
}
