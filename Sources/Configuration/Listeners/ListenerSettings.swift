// One listener of a configuration: its address, its certificates and its protocols.
package import Transport

/// One address that clients connect to, with its certificates and protocols.
package struct ListenerSettings: Sendable, Equatable {
    /// The address to listen on; no two listeners of a configuration have addresses that collide.
    package var address: ListenAddress
    /// The mode and group of the socket's file, if the address is a unix socket.
    package var socketAccess = SocketFileAccess()
    /// The TLS settings; nil for cleartext.
    package var tls: TLS?
    /// Whether the HTTP/1.1 upgrade to HTTP/2 (`Upgrade: h2c`) is accepted; has no effect if the listener has TLS.
    package var h2cUpgrade = true
    /// Whether clients may speak HTTP/2, by ALPN, by prior knowledge or by upgrade.
    package var http2 = true
    /// Whether the clients are proxies that the operator runs.
    ///
    /// Connections of a trusted listener have higher limits, and `timeouts.idleTrusted` in place of `timeouts.idle`.
    package var trusted = false
    /// Whether requests are redirected to HTTPS with status 308; always false if the listener has TLS.
    ///
    /// `httpsPort(of:)` returns the port to which they are redirected.
    package var redirectsToHTTPS = false
    /// Which peers may tell the listener the addresses of their clients, and which clients are served.
    package var access = ListenerAccess()
    /// The settings for certificates of clients; nil if clients are not asked for a certificate, or if the listener has
    /// no TLS.
    package var clientCertificates: ClientCertificates?
    /// Whether a TLS client is refused if it sends no server name, or a server name that no certificate has.
    package var needsServerName = false
    /// The host names that are served, in lower case and without a dot at the end (`ServedHosts.canonical`); empty if
    /// every name is served.
    package var hosts: [String] = []
    /// The folder whose `.well-known/acme-challenge` is served; nil if there is none, or if the listener has TLS.
    package var acmeWebroot: String?
    /// Fields that are added to every response, with names in lower case.
    package var responseFields: [ResponseField] = []

    /// Makes a listener with the given settings and the default of every other setting.
    package init(address: ListenAddress, tls: TLS? = nil, h2cUpgrade: Bool = true, trusted: Bool = false) {
        self.address = address
        self.tls = tls
        self.h2cUpgrade = h2cUpgrade
        self.trusted = trusted
    }

    /// The TLS settings of a listener.
    package struct TLS: Sendable, Equatable {
        /// The certificates; at least one if the listener comes from a file.
        ///
        /// The first certificate is for clients that send an unknown server name or no server name.
        package var certificates: [Certificate]
        /// The lowest version of TLS that clients may use.
        package var minimum = TLSServerSettings.Version.tls12
        /// The groups for the key exchange, the preferred group first; at least one of them is known to OpenSSL.
        package var groups = TLSServerSettings.usualGroups

        package init(certificates: [Certificate]) {
            self.certificates = certificates
        }
    }

    /// The files of one certificate, both PEM.
    package struct Certificate: Sendable, Equatable {
        /// The path of the file with the certificate, followed by the certificates of the intermediate authorities.
        package var chainPath: String
        /// The path of the file with the private key of the certificate.
        package var keyPath: String

        package init(chainPath: String, keyPath: String) {
            self.chainPath = chainPath
            self.keyPath = keyPath
        }
    }

    /// The settings for the certificates that clients present on a listener (mutual TLS).
    package struct ClientCertificates: Sendable, Equatable {
        /// The PEM file of the authorities that sign the certificates.
        package var authoritiesPath: String
        /// Whether a client without a certificate is refused.
        package var areRequired: Bool
    }

    /// A header field that is added to every response.
    package struct ResponseField: Sendable, Equatable {
        /// The name in lower case.
        package var name: String
        package var value: String
    }

    /// Returns the port to which `redirect_https` redirects; nil if no listener has TLS at a fixed port.
    ///
    /// The port is 443 if a TLS listener uses 443, otherwise the port of the first TLS listener.
    package static func httpsPort(of listeners: [ListenerSettings]) -> UInt16? {
        let ports = listeners.compactMap { listener -> UInt16? in
            guard listener.tls != nil, case .tcp(_, let port) = listener.address, port != 0 else { return nil }
            return port
        }
        return ports.first { $0 == 443 } ?? ports.first
    }
}
