// How the exchanges of one model reach one of its executors.
package import Configuration
package import Routing

/// One executor as one model of a snapshot uses it.
package final class ExecutorTarget: Sendable {
    /// The executor's load and health, which outlive the snapshot.
    package let executor: Executor
    /// The model whose pool contains the executor; attempts are counted for each pair of model and executor.
    package let model: ModelEntry
    /// How the executor's engine is reached.
    package let engine: EngineTarget
    /// The software of the engine; `auto` if it is not known.
    package let kind: ExecutorSettings.Kind
    /// Whether the edge requests the usage of a stream if the client does not request it.
    package let asksForUsage: Bool
    /// The API key that requests carry, in the header field for this entry's `kind`; nil if no key is configured.
    ///
    /// One engine may serve entries of several kinds, whose keys go in different fields.
    package let credential: ExecutorCredential?
    /// The header fields of a client's request that are forwarded to the executor.
    let forwarded: ForwardedFields

    /// - Parameter forward: the fields that the configuration and the model forward; the fields of the executor's entry
    ///   are added.
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

    /// The value of the `host` field of requests.
    package var host: [UInt8] { engine.host }
    /// The path of the executor's URL, which precedes the path of every request.
    package var pathPrefix: [UInt8] { engine.pathPrefix }
}
