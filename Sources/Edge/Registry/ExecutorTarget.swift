// How the engines and executors of a snapshot are reached.
package import Configuration
package import HTTP
package import Routing
internal import Transport

/// How to reach one engine.
///
/// `Engine` counts for it, this connects to it. Compared when a configuration changes: connections are kept where it is
/// the same.
package final class EngineTarget: Sendable {
    package let engine: Engine
    package let client: ExecutorClientSettings
    /// The `host` field of requests.
    package let host: [UInt8]
    package let pathPrefix: [UInt8]
    package let credential: ExecutorCredential?
    /// Nil: it is not asked whether it lives.
    let probe: HealthProbe?

    init(_ description: EngineDescription, engine: Engine, addresses: AddressBook, connectTimeout: Nanoseconds) {
        let settings = description.settings
        self.engine = engine
        probe = description.probe
        host = Array(settings.url.authority.utf8)
        pathPrefix = Array(settings.url.pathPrefix.utf8)
        credential = settings.apiKey.map { ExecutorCredential(key: $0, kind: settings.kind) }
        var client = ExecutorClientSettings(
            addresses: addresses,
            connectTimeout: connectTimeout,
            idleTimeout: Nanoseconds(settings.idleTimeout.inNanoseconds)
        )
        client.version = ExecutorClientSettings.Version(settings.wireProtocol)
        if settings.url.scheme == .https {
            client.tls = .init(serverName: settings.url.host, caFile: settings.certificateAuthorityPath)
        }
        self.client = client
    }
}

/// One executor as one model of a snapshot uses it.
package final class ExecutorTarget: Sendable {
    package let executor: Executor
    /// The model whose pool it is in: what is counted of its attempts is counted for both.
    package let model: ModelEntry
    package let engine: EngineTarget
    package let kind: ExecutorSettings.Kind
    package let asksForUsage: Bool
    /// In the field that the entry's own kind reads: an engine may speak the dialects of several kinds.
    package let credential: ExecutorCredential?
    /// Which of a client's fields it gets.
    let forwarded: ForwardedFields

    /// - Parameter forward: What the configuration and the model say of a client's fields.
    init(
        _ settings: ExecutorSettings,
        executor: Executor,
        model: ModelEntry,
        engine: EngineTarget,
        forward: [ForwardSettings]
    ) {
        self.executor = executor
        self.model = model
        self.engine = engine
        kind = settings.kind
        asksForUsage = settings.includeUsage
        forwarded = ForwardedFields(forward + [settings.forward])
        credential = settings.apiKey.map { ExecutorCredential(key: $0, kind: settings.kind) }
    }

    package var host: [UInt8] { engine.host }
    package var pathPrefix: [UInt8] { engine.pathPrefix }
}

extension ExecutorClientSettings.Version {
    init(_ setting: ExecutorSettings.WireProtocol) {
        self =
            switch setting {
            case .auto: .auto
            case .http1: .http1
            case .h2: .http2
            }
    }
}
