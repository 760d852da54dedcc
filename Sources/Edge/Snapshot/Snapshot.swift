// A resolved configuration: immutable, numbered, and shared by all workers.
internal import Configuration
internal import HTTP
package import Inference
internal import Routing
package import Transport

/// One configuration, resolved against the registry: the settings, models, executors and engines that exchanges use.
///
/// `Registry.resolve` makes snapshots. Each exchange keeps the snapshot with which it began. A snapshot is a class, so
/// that an exchange retains one reference; with a structure it would retain about a dozen.
package final class Snapshot: Sendable {
    /// The number of this snapshot, counted from 1 in each process.
    package let generation: Int
    /// The settings of the process as a whole; `RunningConfiguration` decides which of them a reload can change.
    package let process: ProcessSettings
    /// Deadlines and limits of every exchange.
    package let limits: ExchangeLimits
    /// The limits that apply to all clients of one address together (`limits.per_address`).
    let addressLimits: AddressLimits
    /// Whether `addressLimits` has a limit that applies to each request.
    ///
    /// The limit `unknown_keys` does not count here, because it applies only to requests with a wrong or missing API
    /// key. The value is stored, because every exchange reads it.
    let limitsRequests: Bool
    /// The listeners for clients, in the order of the configuration.
    package let listeners: [ListenerPlan]
    /// How many connections clients may have at once, on all workers together.
    let connectionRoom: ConnectionRoom
    /// The models as clients see them in `/v1/models`.
    package let catalog: ModelCatalog
    /// The models with their executors, in the order of `catalog`.
    package let models: [SnapshotModel]
    /// The engines of all models, then the engines of `discovered`; each once, in the order of the configuration.
    package let engines: [EngineTarget]
    /// The engines that are asked for their lists of models.
    let discovered: [DiscoveryTarget]
    /// The numbers (`ModelEntry.id`) of the models of this snapshot, and of models that exchanges under earlier
    /// snapshots may still use.
    let knownModels: Set<Int>
    /// Whether finished exchanges are logged.
    package let accessLog: Bool
    /// Whether the log line of an exchange contains the text of engines' errors.
    let logsEngineErrors: Bool
    /// The header fields, and the members of JSON bodies, in which clients name a session, such as a conversation.
    ///
    /// Empty if no pool can choose executors by the prompt.
    let sessionFields: SessionFields
    /// The limits of every model's queue.
    package let admission: AdmissionLimits
    /// Additional paths, beside the paths of the known APIs, each with the models that serve requests at it.
    let passthrough: PassthroughPaths
    /// The origins whose web pages may send requests; nil if no origin may.
    package let crossOrigin: CrossOriginPolicy?
    /// The addresses of the engines: one `AddressBook` for each host and port, and for each unix socket.
    package let addresses: [AddressBook]
    /// The API keys in force, and whether a request must have a key.
    let access: Authenticator

    /// Makes a snapshot; called by `Registry.resolve`, which finds the engines, the executors and the models.
    init(
        _ configuration: Configuration,
        generation: Int,
        listeners: [ListenerPlan],
        access: Authenticator,
        models: [SnapshotModel],
        engines: [EngineTarget],
        discovered: [DiscoveryTarget],
        addresses: [AddressBook],
        knownModels: Set<Int>
    ) {
        self.generation = generation
        self.models = models
        self.engines = engines
        self.discovered = discovered
        self.addresses = addresses
        self.knownModels = knownModels
        process = ProcessSettings(configuration)
        limits = ExchangeLimits(configuration)
        addressLimits = configuration.limits.perAddress
        limitsRequests = addressLimits.countsRequests
        self.listeners = listeners
        self.access = access
        connectionRoom = ConnectionRoom(configuration)
        accessLog = configuration.log.access
        logsEngineErrors = configuration.log.engineErrors
        sessionFields = models.contains(where: \.pool.mayChooseByPrompt) ? configuration.sessionFields : SessionFields()
        admission = AdmissionLimits(configuration.admission)
        passthrough = PassthroughPaths(configuration.models.map(\.passthrough))
        catalog = ModelCatalog(
            zip(configuration.models, models).map { Model($0, startedAt: $1.entry.knownSince) }
        )
        crossOrigin = CrossOriginPolicy(origins: configuration.cors.origins)
    }

    /// The executors of all models at an engine, each once.
    func executors(at engine: Engine) -> [Executor] {
        var found: [Executor] = []
        for member in models.flatMap(\.pool.members) where member.executor.engine === engine {
            if !found.contains(where: { $0 === member.executor }) { found.append(member.executor) }
        }
        return found
    }

    /// Decides again what `balance: auto` means for each model with an executor at this engine.
    ///
    /// Called when the kind of the engine has been found or has changed.
    func kindChanged(of engine: Engine) {
        for model in models where model.pool.members.contains(where: { $0.executor.engine === engine }) {
            model.pool.kindsChanged()
        }
    }

    /// How to reach an executor that a pool of this snapshot has chosen.
    func target(of executor: Executor, in pool: ExecutorPool) -> ExecutorTarget {
        guard let index = pool.index(ofExecutor: executor.id) else {
            preconditionFailure("an executor that its pool does not have")
        }
        return models[pool.modelIndex].targets[index]
    }

    /// The executors of a pool that have the same `kind` as `executor`, including `executor` itself.
    func executors(like executor: Executor, in pool: ExecutorPool) -> [Executor] {
        let kind = target(of: executor, in: pool).kind
        return models[pool.modelIndex].targets.filter { $0.kind == kind }.map(\.executor)
    }

    /// Whether the pool of the model at this index in `models` prefers executors that have the beginning of a request's
    /// prompt in their cache.
    func choosesByPrompt(_ index: Int) -> Bool { models[index].pool.choosesByPrompt }
}

extension Model {
    /// Makes the model's entry in the catalog.
    ///
    /// - Parameter seconds: when the registry made its `ModelEntry` for the model, in seconds since 1970. It is the
    ///   creation date if the model's settings have no `created`.
    fileprivate init(_ settings: ModelSettings, startedAt seconds: Int) {
        var created = seconds
        if case .number(let text)? = settings.catalog.first(where: { $0.name == "created" })?.value {
            created = Int(text) ?? seconds
        }
        self.init(
            id: settings.id,
            aliases: settings.aliases,
            created: created,
            createdAt: Timestamp.rfc3339(seconds: created),
            fields: settings.catalog,
            isDiscovered: settings.isDiscovered
        )
    }
}
