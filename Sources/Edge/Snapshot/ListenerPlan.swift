// One listener for clients as a snapshot resolves it: its address, its protocols, its limits and its certificates.
package import Configuration
package import HTTP
package import Transport

/// How workers speak on one listener.
///
/// The listener's socket is in the `ListenerSet`.
package struct ListenerPlan: Sendable {
    /// The configured address; identifies the listener from one snapshot to the next.
    package var address: ListenAddress
    /// Permissions and owner of the socket's file; used for unix sockets only, and only at the start.
    package var socketAccess: SocketFileAccess
    /// Protocols, limits and timeouts of the listener's connections.
    package var settings: ServerSettings
    /// The files from which the listener's TLS contexts are made; empty for cleartext.
    package var certificates: [CertificateFiles]

    init(for listener: ListenerSettings, in configuration: Configuration) {
        address = listener.address
        socketAccess = listener.socketAccess
        settings = ServerSettings()
        let timeouts = configuration.timeouts
        settings.headerBytesMax = configuration.limits.headerBytes
        settings.headerCountMax = configuration.limits.headerCount
        settings.streamsMax = configuration.limits.streams
        settings.handshakeTimeout = Nanoseconds(timeouts.handshake.inNanoseconds)
        settings.headerTimeout = Nanoseconds(timeouts.header.inNanoseconds)
        let idle = listener.trusted ? timeouts.idleTrusted : timeouts.idle
        settings.idleTimeout = Nanoseconds(idle.inNanoseconds)
        settings.speaksHTTP2 = listener.http2
        settings.upgradesToHTTP2 = listener.h2cUpgrade
        settings.isTrusted = listener.trusted
        if listener.redirectsToHTTPS { settings.redirectPort = ListenerSettings.httpsPort(of: configuration.listeners) }
        certificates = (listener.tls?.certificates ?? []).map { CertificateFiles(chain: $0.chainPath, key: $0.keyPath) }
    }

    /// Whether clients speak TLS on this listener.
    var isSecure: Bool { !certificates.isEmpty }

    /// Makes the TLS contexts of one worker; nil for cleartext.
    ///
    /// - Throws: `TLSError` when a certificate or its key cannot be loaded.
    func makeContexts(_ ticketKeys: TicketKeys) throws(TLSError) -> TLSServerContexts? {
        guard isSecure else { return nil }
        return try TLSContext.server(
            certificates: certificates,
            ticketKeys: ticketKeys,
            offersHTTP2: settings.speaksHTTP2
        )
    }
}
