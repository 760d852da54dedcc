// The settings of one listener for clients in a snapshot: its address, its protocols, its limits and its certificates.
package import Configuration
package import HTTP
package import Transport

/// The protocols, limits and certificates that workers use on one listener.
///
/// The listener's socket is in the `ListenerSet`.
package struct ListenerPlan: Sendable {
    /// Identifies the listener, which has the same key in the next snapshot.
    package let key: ListenerKey
    /// The permissions and the group of a unix socket's file, which are set when the socket is opened and not changed
    /// later.
    package var socketAccess: SocketFileAccess
    /// Protocols, limits and timeouts of the listener's connections.
    package var settings: ServerSettings
    /// The certificates for the listener's TLS contexts; empty for cleartext.
    package var certificates: [CertificateContents]
    /// The TLS settings apart from the certificates; not used for cleartext.
    package var tls = TLSServerSettings()

    /// The configured address.
    package var address: ListenAddress { key.address }

    /// Makes the plans of all listeners, in the order of the configuration; reads the files of their certificates.
    ///
    /// If a file cannot be read, its contents in the plan are empty, and `makeContexts` throws an error.
    static func all(in configuration: Configuration) -> [ListenerPlan] {
        let keys = ListenerKey.keys(of: configuration.listeners.map(\.address))
        return zip(configuration.listeners, keys).map { ListenerPlan(for: $0, key: $1, in: configuration) }
    }

    private init(for listener: ListenerSettings, key: ListenerKey, in configuration: Configuration) {
        self.key = key
        socketAccess = listener.socketAccess
        settings = ServerSettings()
        let timeouts = configuration.timeouts
        settings.headerBytesMax = configuration.limits.headerBytes
        settings.headerCountMax = configuration.limits.headerCount
        settings.streamsMax = configuration.limits.streams
        settings.readBytesPerSecondMin = configuration.limits.readPace
        settings.handshakeTimeout = Nanoseconds(timeouts.handshake.inNanoseconds)
        settings.headerTimeout = Nanoseconds(timeouts.header.inNanoseconds)
        let idle = listener.trusted ? timeouts.idleTrusted : timeouts.idle
        settings.idleTimeout = Nanoseconds(idle.inNanoseconds)
        settings.speaksHTTP2 = listener.http2
        settings.upgradesToHTTP2 = listener.h2cUpgrade
        settings.isTrusted = listener.trusted
        settings.trustedIdleTimeout = Nanoseconds(timeouts.idleTrusted.inNanoseconds)
        settings.access = AccessRules(listener.access, isSecure: listener.tls != nil)
        if listener.redirectsToHTTPS { settings.redirectPort = ListenerSettings.httpsPort(of: configuration.listeners) }
        certificates = (listener.tls?.certificates ?? []).map {
            CertificateContents(reading: CertificateFiles(chain: $0.chainPath, key: $0.keyPath))
        }
        tls = TLSServerSettings(listener)
        settings.hosts = listener.hosts.isEmpty ? nil : ServedHosts(listener.hosts)
        settings.acmeWebroot = listener.acmeWebroot
        for field in listener.responseFields { settings.responseFields.append(name: field.name, value: field.value) }
    }

    /// Whether clients speak TLS on this listener.
    var isSecure: Bool { !certificates.isEmpty }

    /// Makes the TLS contexts of one worker; nil for cleartext.
    ///
    /// - Throws: `TLSError` when a certificate or its key cannot be used.
    func makeContexts(_ ticketKeys: TicketKeys) throws(TLSError) -> TLSServerContexts? {
        guard isSecure else { return nil }
        // A file that could not be read has empty contents in the plan. It is read once more to get the reason for the
        // error. The read never blocks, not even on a FIFO.
        var files = certificates.flatMap { [($0.files.chain, $0.chain), ($0.files.key, $0.key)] }
        if let clients = tls.clients { files.append((clients.path, clients.contents)) }
        for (path, bytes) in files {
            guard bytes.isEmpty, case .failure(let problem) = SystemFiles.read(path) else { continue }
            throw TLSError(.file, "cannot be read: \(problem)", file: path)
        }
        return try TLSContext.server(certificates: certificates, ticketKeys: ticketKeys, settings: tls)
    }
}

extension TLSServerSettings {
    /// Makes the TLS settings of a listener; reads the file of the authorities that sign the certificates of clients.
    ///
    /// The contents of a file that cannot be read are empty.
    fileprivate init(_ listener: ListenerSettings) {
        self.init()
        offersHTTP2 = listener.http2
        needsServerName = listener.needsServerName
        if let tls = listener.tls {
            minimum = tls.minimum
            groups = tls.groups
        }
        clients = listener.clientCertificates.map { clients in
            ClientAuthorities(
                path: clients.authoritiesPath,
                contents: (try? SystemFiles.read(clients.authoritiesPath).get()) ?? [],
                isRequired: clients.areRequired
            )
        }
    }
}

extension CertificateContents {
    /// Reads the certificate files; the contents of a file that cannot be read are empty.
    init(reading files: CertificateFiles) {
        func contents(_ path: String) -> [UInt8] { (try? SystemFiles.read(path).get()) ?? [] }
        self.init(files: files, chain: contents(files.chain), key: contents(files.key))
    }
}
