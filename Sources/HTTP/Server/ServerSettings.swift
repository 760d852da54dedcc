// What a listener asks of its connections.
package import Transport

/// Limits and deadlines of client connections; `docs/limits.md` lists them all.
package struct ServerSettings: Sendable {
    package var headerBytesMax = 32 << 10
    package var headerCountMax = 100
    package var streamsMax = 1024
    package var handshakeTimeout: Nanoseconds = 10_000_000_000
    package var headerTimeout: Nanoseconds = 10_000_000_000
    package var idleTimeout: Nanoseconds = 75_000_000_000
    /// Else HTTP/1.1 alone is spoken, whatever a client offers.
    package var speaksHTTP2 = true
    /// `Upgrade: h2c` is honoured on cleartext connections.
    package var upgradesToHTTP2 = true
    /// The peers are our own proxies: looser counters.
    package var isTrusted = false
    /// Requests are to be sent to HTTPS at this port; the delegate does so.
    package var redirectPort: UInt16?

    package init() {}
}
