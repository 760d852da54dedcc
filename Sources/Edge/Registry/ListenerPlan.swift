// One listener as a snapshot resolves it: how workers speak on it.
package import Configuration
package import HTTP
package import Transport

/// How workers speak on one listener; its socket comes from the `ListenerSet`.
package struct ListenerPlan: Sendable {
    /// Identifies the listener from one snapshot to the next.
    package var address: ListenAddress
    package var settings: ServerSettings
    /// Where the certificates of its TLS contexts come from; empty for cleartext.
    package var certificates: [CertificateFiles]

    init(for listener: ListenerSettings, limits configuration: Configuration) {
        address = listener.address
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

    /// The TLS contexts of one worker; nil for cleartext.
    func makeContexts(_ ticketKeys: TicketKeys) throws(TLSError) -> TLSServerContexts? {
        guard !certificates.isEmpty else { return nil }
        return try TLSContext.server(
            certificates: certificates,
            ticketKeys: ticketKeys,
            offersHTTP2: settings.speaksHTTP2
        )
    }
}
