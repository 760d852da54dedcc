// How to reach one engine of a snapshot.
internal import Configuration
package import HTTP
package import Routing
internal import Transport

/// How to connect to one engine, and how to ask it whether it is healthy.
///
/// The settings belong to one snapshot. `Engine`, which holds the engine's load and health, outlives snapshots.
package final class EngineTarget: Sendable {
    /// The engine's load and health, which outlive the snapshot.
    package let engine: Engine
    /// Addresses, protocol, TLS and timeouts of the connections to the engine.
    package let client: ExecutorClientSettings
    /// The value of the `host` field of requests to the engine.
    package let host: [UInt8]
    /// The path of the engine's URL, which precedes the path of every request; empty if the URL has no path.
    package let pathPrefix: [UInt8]
    /// The API key for health probes and for requests for the list of models; nil if none is configured.
    package let credential: ExecutorCredential?
    /// The engine's health probe; nil if the engine is not probed.
    let probe: HealthProbe?

    init(_ description: EngineDescription, engine: Engine, addresses: AddressBook, connectTimeout: Nanoseconds) {
        let settings = description.settings
        self.engine = engine
        probe = description.probe
        host = Array(settings.authority.utf8)
        pathPrefix = Array(settings.url.pathPrefix.utf8)
        credential = settings.apiKey.map { ExecutorCredential(key: $0, kind: settings.kind) }
        var client = ExecutorClientSettings(
            addresses: addresses,
            connectTimeout: connectTimeout,
            idleTimeout: Nanoseconds(settings.idleTimeout.inNanoseconds)
        )
        client.version = ExecutorClientSettings.Version(settings.wireProtocol)
        if settings.url.scheme == .https {
            client.tls = .init(serverName: settings.serverName, caFile: settings.certificateAuthorityPath)
        }
        self.client = client
    }

    /// Whether connections made with the other target's settings can be used with the settings of this one.
    func connectsLike(_ other: EngineTarget) -> Bool {
        let (mine, its) = (client, other.client)
        return mine.addresses === its.addresses && mine.version == its.version
            && mine.tls?.serverName == its.tls?.serverName && mine.tls?.caFile == its.tls?.caFile
            && mine.connectTimeout == its.connectTimeout && mine.idleTimeout == its.idleTimeout
    }

    /// Whether the edge sends the same health probes to this target and to `other`, over connections with the same
    /// settings.
    func isProbedLike(_ other: EngineTarget) -> Bool {
        connectsLike(other) && probe == other.probe && host == other.host && credential == other.credential
    }
}

extension ExecutorClientSettings.Version {
    fileprivate init(_ setting: ExecutorSettings.WireProtocol) {
        self =
            switch setting {
            case .auto: .auto
            case .http1: .http1
            case .h2: .http2
            }
    }
}
