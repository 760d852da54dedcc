// How one executor is reached.
package import Transport

/// The address, the protocol and the timeouts of one executor.
package struct ExecutorClientSettings: Sendable {
    /// Which version of HTTP is spoken to an executor.
    package enum Version: Sendable {
        /// Over TLS the version that the executor chooses by ALPN, in clear HTTP/1.1.
        case auto
        /// Always HTTP/1.1.
        case http1
        /// Always HTTP/2: nothing else is offered by ALPN, and in clear it is spoken by prior knowledge (RFC 9113
        /// section 3.3).
        case http2
    }

    /// The parameters of TLS to the executor, whose certificate is always verified.
    package struct TLS: Sendable {
        /// The host name or address that the certificate must have; a name is also sent as SNI.
        package var serverName: String
        /// A PEM file of certificate authorities to trust in place of the system's; nil for the system's.
        package var caFile: String?

        /// The system's authorities are trusted unless `caFile` is given.
        package init(serverName: String, caFile: String? = nil) {
            self.serverName = serverName
            self.caFile = caFile
        }
    }

    /// The addresses of the executor, and which of them have failed lately.
    package var addresses: AddressBook
    /// Which version of HTTP is spoken.
    package var version = Version.auto
    /// How TLS is used; nil for an executor without TLS.
    package var tls: TLS?
    /// How long each address may take to connect and to finish the TLS handshake, and then an HTTP/2 executor to send
    /// its SETTINGS.
    package var connectTimeout: Nanoseconds
    /// How long an unused connection is kept.
    ///
    /// It should be shorter than the executor's own timeout, which is 5 s for uvicorn.
    package var idleTimeout: Nanoseconds
    /// The most idle HTTP/1.1 connections that are kept.
    package var idleMax = 1024

    /// Settings for HTTP/1.1 in clear, until they are changed.
    package init(addresses: AddressBook, connectTimeout: Nanoseconds, idleTimeout: Nanoseconds) {
        self.addresses = addresses
        self.connectTimeout = connectTimeout
        self.idleTimeout = idleTimeout
    }

    /// The protocols that are offered by ALPN.
    var protocols: [String] {
        switch version {
        case .auto: ["h2", "http/1.1"]
        case .http1: ["http/1.1"]
        case .http2: ["h2"]
        }
    }
}
