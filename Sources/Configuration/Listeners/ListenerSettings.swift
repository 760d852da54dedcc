// One listener of a configuration: its address, its certificates, and how it speaks with clients.
package import Transport

/// One address that clients connect to.
package struct ListenerSettings: Sendable, Equatable {
    /// The address to listen on; no two listeners of a configuration have addresses that collide.
    package var address: ListenAddress
    /// The mode and group of the socket's file, if the address is a unix socket.
    package var socketAccess = SocketFileAccess()
    /// The certificates; nil for cleartext.
    package var tls: TLS?
    /// Whether `Upgrade: h2c` is accepted; never on a TLS listener.
    package var h2cUpgrade = true
    /// Whether clients may speak HTTP/2, by ALPN, by prior knowledge or by upgrade.
    package var http2 = true
    /// Whether the peers are proxies of the operator's own.
    ///
    /// Connections of such a listener have looser limits, and `timeouts.idleTrusted`.
    package var trusted = false
    /// Whether requests are redirected to the TLS listener with status 308; never on a TLS listener.
    package var redirectsToHTTPS = false

    /// Makes a listener with these settings and the defaults of the others.
    package init(address: ListenAddress, tls: TLS? = nil, h2cUpgrade: Bool = true, trusted: Bool = false) {
        self.address = address
        self.tls = tls
        self.h2cUpgrade = h2cUpgrade
        self.trusted = trusted
    }

    /// The TLS settings of a listener.
    package struct TLS: Sendable, Equatable {
        /// The certificates, never empty when read from a file; the first serves clients that send an unknown server
        /// name or none.
        package var certificates: [Certificate]

        package init(certificates: [Certificate]) {
            self.certificates = certificates
        }
    }

    /// The files of one certificate, both PEM.
    package struct Certificate: Sendable, Equatable {
        /// The certificate and those of the intermediate authorities.
        package var chainPath: String
        /// The private key of the certificate.
        package var keyPath: String

        package init(chainPath: String, keyPath: String) {
            self.chainPath = chainPath
            self.keyPath = keyPath
        }
    }

    /// Returns the port that `redirect_https` leads to; nil if no listener has TLS at a fixed port.
    ///
    /// This is 443 if a TLS listener has it, otherwise the port of the first TLS listener.
    package static func httpsPort(of listeners: [ListenerSettings]) -> UInt16? {
        let ports = listeners.compactMap { listener -> UInt16? in
            guard listener.tls != nil, case .tcp(_, let port) = listener.address, port != 0 else { return nil }
            return port
        }
        return ports.first { $0 == 443 } ?? ports.first
    }
}
