// The settings for the connections to one engine.
package import Transport

/// The addresses, the protocol and the timeouts of one engine.
package struct ExecutorClientSettings: Sendable {
    /// The HTTP version for connections to an engine.
    package enum Version: Sendable {
        /// With TLS, the version that the engine selects by ALPN; without TLS, HTTP/1.1.
        case auto
        /// Always HTTP/1.1.
        case http1
        /// Always HTTP/2.
        ///
        /// With TLS, ALPN offers only HTTP/2. Without TLS, HTTP/2 begins by prior knowledge (RFC 9113 section 3.3).
        case http2
    }

    /// The TLS parameters for an engine, whose certificate is always verified.
    package struct TLS: Sendable {
        /// The host name or IP address that the certificate must contain.
        ///
        /// A name is also sent as SNI.
        package var serverName: String
        /// A PEM file of the certificate authorities to trust; nil to trust the authorities of the system.
        package var caFile: String?

        /// Makes parameters that trust the authorities of the system, unless `caFile` is given.
        package init(serverName: String, caFile: String? = nil) {
            self.serverName = serverName
            self.caFile = caFile
        }
    }

    /// The addresses of the engine, and which of them have failed recently.
    package var addresses: AddressBook
    /// The HTTP version for the connections.
    package var version = Version.auto
    /// The TLS parameters; nil for connections without TLS.
    package var tls: TLS?
    /// How long the connection to one address may take to open, including the TLS handshake.
    ///
    /// If the connection uses HTTP/2, the engine then has the same time again to send its SETTINGS.
    package var connectTimeout: Nanoseconds
    /// How long an unused connection is kept open.
    ///
    /// The time should be shorter than the engine's own idle timeout, which is 5 s for uvicorn.
    package var idleTimeout: Nanoseconds
    /// The largest number of idle HTTP/1.1 connections that one worker thread keeps to the engine.
    package var idleMax = 1024

    /// Makes settings for HTTP/1.1 without TLS.
    ///
    /// The properties can be changed afterwards.
    package init(addresses: AddressBook, connectTimeout: Nanoseconds, idleTimeout: Nanoseconds) {
        self.addresses = addresses
        self.connectTimeout = connectTimeout
        self.idleTimeout = idleTimeout
    }

    /// The protocols that this server offers to the engine by ALPN.
    var protocols: [String] {
        switch version {
        case .auto: ["h2", "http/1.1"]
        case .http1: ["http/1.1"]
        case .http2: ["h2"]
        }
    }
}
