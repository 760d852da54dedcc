// How the exchanges of one model reach one of its executors.
package import Configuration
package import Routing

/// How the exchanges of one model of a snapshot reach one executor of its pool.
package final class ExecutorTarget: Sendable {
    /// The executor's load and health, which outlive the snapshot.
    package let executor: Executor
    /// The model whose pool contains the executor; attempts are counted for each pair of model and executor.
    package let model: ModelEntry
    /// How the executor's engine is reached.
    package let engine: EngineTarget
    /// The engine's software as the configuration gives it; `auto` if the edge has to find it out (`Engine.kind`).
    package let kind: ExecutorSettings.Kind
    /// Whether the edge asks the executor for the token counts of a stream if the client does not ask for them.
    package let asksForUsage: Bool
    /// The setting `strip_billing` for this executor; nil if it is not set anywhere.
    private let stripBillingGiven: Bool?
    /// Whether the edge tells the executor the priority class of a request, and by which values of the JSON member
    /// `priority`.
    private let priority: PrioritySetting
    /// The API key that requests carry, in the header field that `kind` requires; nil if no key is configured.
    ///
    /// The key is stored for each executor and not for its engine, because executors of several kinds may be at one
    /// engine, and the header field depends on the kind.
    package let credential: ExecutorCredential?
    /// The header fields of a client's request that are forwarded to the executor.
    let forwarded: ForwardedFields

    /// - Parameters:
    ///   - forward: The settings at the top level of the configuration and those of the model that say which header
    ///     fields of clients are forwarded, in this order. The initializer combines them with those in `settings`.
    ///   - stripBilling: The setting `strip_billing` of the model, or else the one at the top level of the
    ///     configuration; nil if neither is set. A value in `settings` takes precedence.
    init(
        _ settings: ExecutorSettings,
        executor: Executor,
        model: ModelEntry,
        engine: EngineTarget,
        forward: [ForwardSettings],
        stripBilling: Bool?
    ) {
        self.executor = executor
        self.model = model
        self.engine = engine
        kind = settings.kind
        asksForUsage = settings.includeUsage
        stripBillingGiven = settings.stripBilling ?? stripBilling
        priority = settings.priority
        forwarded = ForwardedFields(forward + [settings.forward])
        credential = settings.apiKey.map { ExecutorCredential(key: $0, kind: settings.kind) }
    }

    /// Whether the billing header that coding agents put first in the system prompt is left out of requests, so that
    /// the executor finds the rest of the prompt in its cache.
    ///
    /// If `strip_billing` is not set, the engine's software decides. The edge may find out at any time which software
    /// the engine is.
    var stripsBilling: Bool { stripBillingGiven ?? executor.engine.kind.setting.stripsBilling }

    /// The value of the JSON member `priority` in requests of this class to the executor; nil to send no such member.
    func told(_ priority: PriorityClass) -> Int? {
        switch self.priority {
        case .off: nil
        case .byKind: executor.engine.kind.setting.priorityOrder?.value(of: priority)
        case .order(let order): order.value(of: priority)
        }
    }

    /// The value of the `host` field of requests to the executor.
    package var host: [UInt8] { engine.host }
    /// The path of the executor's URL, which precedes the path of every request.
    package var pathPrefix: [UInt8] { engine.pathPrefix }
}
