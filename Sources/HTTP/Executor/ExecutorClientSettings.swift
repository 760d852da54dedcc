// How one executor is to be reached.
package import Transport

package struct ExecutorClientSettings: Sendable {
    /// Which version of HTTP an executor is spoken to in.
    package enum Version: Sendable {
        /// Over TLS what the executor chooses (ALPN), in clear HTTP/1.1.
        case auto
        case http1
        /// Over TLS nothing else is offered; in clear by prior knowledge (RFC 9113 section 3.3).
        case http2
    }

    /// TLS to the executor; its certificate is always verified.
    package struct TLS: Sendable {
        /// The host name or address that the certificate must be for; a name is sent as SNI.
        package var serverName: String
        /// PEM certificates to trust in place of the system's.
        package var caFile: String?

        package init(serverName: String, caFile: String? = nil) {
            self.serverName = serverName
            self.caFile = caFile
        }
    }

    package var addresses: AddressBook
    package var version = Version.auto
    /// Nil: in clear.
    package var tls: TLS?
    /// For each address: until it is connected, has shaken hands and, on HTTP/2, has sent its SETTINGS.
    package var connectTimeout: Nanoseconds
    /// How long an unused connection is kept.
    ///
    /// Below the executor's own: uvicorn drops them after 5 s.
    package var idleTimeout: Nanoseconds
    /// Idle HTTP/1.1 connections at once.
    package var idleMax = 1024

    package init(addresses: AddressBook, connectTimeout: Nanoseconds, idleTimeout: Nanoseconds) {
        self.addresses = addresses
        self.connectTimeout = connectTimeout
        self.idleTimeout = idleTimeout
    }

    /// What is offered by ALPN.
    var protocols: [String] {
        switch version {
        case .auto: ["h2", "http/1.1"]
        case .http1: ["http/1.1"]
        case .http2: ["h2"]
        }
    }
}
