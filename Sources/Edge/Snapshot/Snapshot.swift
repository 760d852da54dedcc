// A configuration that has been resolved: immutable, numbered, and shared by all workers. An exchange keeps the one
// with which it began.
internal import Configuration
internal import HTTP
package import Inference
internal import Routing
package import Transport

/// Everything that a configuration says, in the units in which the process uses it.
///
/// Every value of the configuration reaches its use by way of a snapshot. `Registry.resolve` makes one; each exchange
/// keeps the snapshot that it began with. It is a class because every exchange holds it: to copy a structure would
/// retain a dozen references.
package final class Snapshot: Sendable {
    /// Numbers the configurations that have been resolved in this process, from 1.
    package let generation: Int
    /// What holds for the process as a whole; the supervisor says what of it can change while the process lives.
    package let process: ProcessSettings
    /// Deadlines and limits of every exchange.
    package let limits: ExchangeLimits
    /// The listeners for clients, in the order of the configuration.
    package let listeners: [ListenerPlan]
    /// How many connections clients may have at once, on all workers together.
    let connectionRoom: ConnectionRoom
    /// The models as clients see them in `/v1/models`.
    package let catalog: ModelCatalog
    /// The models with their executors, in the order of `catalog`.
    package let models: [SnapshotModel]
    /// The engines of all models, each once, in the order of the configuration; then those of `discovered`.
    package let engines: [EngineTarget]
    /// The engines that are asked for their models.
    let discovered: [DiscoveryTarget]
    /// Ids of the models that this snapshot names, and of those that an earlier exchange may still name.
    let knownModels: Set<Int>
    /// Whether finished exchanges are logged.
    package let accessLog: Bool
    /// Whether the log line of an exchange contains the text of engines' errors.
    let logsEngineErrors: Bool
    /// The limits of every model's queue.
    package let admission: AdmissionLimits
    /// Paths besides those of the known APIs, at which requests go to the executors of some models.
    let passthrough: PassthroughPaths
    /// The origins whose web pages may send requests; nil if none may.
    package let crossOrigin: CrossOriginPolicy?
    /// The addresses of the engines: one book for each host and port, and for each unix socket.
    package let addresses: [AddressBook]
    /// The API keys in force, and whether one is required.
    let access: Authenticator

    /// Called by `Registry.resolve`, which finds the engines, the executors and the models.
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
        self.listeners = listeners
        self.access = access
        connectionRoom = ConnectionRoom(configuration)
        accessLog = configuration.log.access
        logsEngineErrors = configuration.log.engineErrors
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

    /// How to reach an executor that a pool of this snapshot has chosen.
    func target(of executor: Executor, in pool: ExecutorPool) -> ExecutorTarget {
        guard let index = pool.place(of: executor) else {
            preconditionFailure("an executor that its pool does not have")
        }
        return models[pool.place].targets[index]
    }

    /// The executors of a pool that have the same `kind` as `executor`, including `executor` itself.
    func executors(like executor: Executor, in pool: ExecutorPool) -> [Executor] {
        let kind = target(of: executor, in: pool).kind
        return models[pool.place].targets.filter { $0.kind == kind }.map(\.executor)
    }
}

extension Model {
    /// The model's entry in the catalog.
    ///
    /// - Parameter seconds: when the model was first named, in seconds since 1970: its creation date if the
    ///   configuration's catalog entry does not give one.
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
