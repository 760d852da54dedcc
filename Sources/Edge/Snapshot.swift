// What a configuration comes to: resolved, immutable, numbered, shared by all workers. An exchange keeps its own.
internal import Configuration
internal import HTTP
package import Inference
package import Routing
package import Transport

/// Deadlines and limits in the units of the data path.
package struct ExchangeLimits: Sendable {
    package var body: Nanoseconds
    package var clientStall: Nanoseconds
    package var commitAfter: Nanoseconds
    package var keepAlive: Nanoseconds
    package var bodyBytesMax: Int
    package var bufferMax: Int

    init(_ configuration: Configuration) {
        func nanoseconds(_ duration: Duration) -> Nanoseconds { Nanoseconds(duration.inNanoseconds) }
        let timeouts = configuration.timeouts
        body = nanoseconds(timeouts.body)
        clientStall = nanoseconds(timeouts.clientStall)
        commitAfter = nanoseconds(configuration.commitAfter)
        keepAlive = nanoseconds(configuration.keepAlive)
        bodyBytesMax = configuration.limits.bodyBytes
        bufferMax = configuration.limits.exchangeBufferBytes
    }
}

/// How long the executors of one model may take, in nanoseconds.
package struct ModelTimeouts: Sendable, Equatable {
    /// To the first event of a stream.
    package var firstEvent: Nanoseconds
    /// To the end of an answer that is not a stream.
    package var response: Nanoseconds
    /// Between two events of a stream.
    package var stall: Nanoseconds

    init(_ own: ModelSettings.Timeouts, else common: Configuration.Timeouts) {
        firstEvent = Nanoseconds((own.firstEvent ?? common.firstEvent).inNanoseconds)
        response = Nanoseconds((own.response ?? common.response).inNanoseconds)
        stall = Nanoseconds((own.stall ?? common.stall).inNanoseconds)
    }
}

/// One model of a snapshot: who it is, and who serves it.
package struct SnapshotModel: Sendable {
    package let entry: ModelEntry
    package let pool: ExecutorPool
    package let timeouts: ModelTimeouts
    package let mediaTokens: MediaTokens
    /// How the members of the pool are reached; by their place in it.
    let targets: [ExecutorTarget]
    /// The places, in the same snapshot, of the models to fall back on, in order.
    package let fallbacks: [Int]
}

/// A class, since each exchange holds it: to copy it would be to count a dozen references.
package final class Snapshot: Sendable {
    /// Counts the configurations that have been resolved, from 1.
    package let generation: Int
    package let limits: ExchangeLimits
    package let listeners: [ListenerPlan]
    /// How many connections clients may have at once, on all workers.
    let connectionRoom: ConnectionRoom
    /// How long exchanges may go on once the process has been told to end.
    package let drainTimeout: Nanoseconds
    package let catalog: ModelCatalog
    /// By the place of the model in the catalog.
    package let models: [SnapshotModel]
    /// The engines of all models, in the order of the configuration.
    package let engines: [EngineTarget]
    /// Ids of the models that this snapshot names, and of those that an exchange may still name.
    let knownModels: Set<Int>
    package let accessLog: Bool
    /// Whether the text of engines' errors goes into it.
    let logsEngineErrors: Bool
    package let admission: AdmissionLimits
    /// What models add to the paths that go through.
    let passthrough: PassthroughPaths
    /// Nil where no browser's origin may call.
    package let crossOrigin: CrossOriginPolicy?
    /// One for each host and port, and for each unix socket, however many engines are there.
    package let addresses: [AddressBook]

    /// See `Registry.resolve`.
    init(
        _ configuration: Configuration,
        generation: Int,
        models: [SnapshotModel],
        engines: [EngineTarget],
        addresses: [AddressBook],
        knownModels: Set<Int>
    ) {
        self.generation = generation
        self.models = models
        self.engines = engines
        self.addresses = addresses
        self.knownModels = knownModels
        limits = ExchangeLimits(configuration)
        listeners = configuration.listeners.map { ListenerPlan(for: $0, limits: configuration) }
        connectionRoom = ConnectionRoom(configuration)
        drainTimeout = Nanoseconds(configuration.drainTimeout.inNanoseconds)
        accessLog = configuration.log.access
        logsEngineErrors = configuration.log.engineErrors
        admission = AdmissionLimits(
            waitMax: Nanoseconds(configuration.admission.maxWait.inNanoseconds),
            queueMax: configuration.admission.maxQueue
        )
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

    /// How an executor is reached that a pool of this snapshot has chosen.
    func target(of executor: Executor, in pool: ExecutorPool) -> ExecutorTarget {
        guard let place = pool.place(of: executor) else {
            preconditionFailure("an executor that its pool does not have")
        }
        return models[pool.place].targets[place]
    }

    /// The executors of a pool whose `kind` is that of this one, itself among them.
    func executors(like executor: Executor, in pool: ExecutorPool) -> [Executor] {
        let kind = target(of: executor, in: pool).kind
        return models[pool.place].targets.filter { $0.kind == kind }.map(\.executor)
    }
}

/// How long and how many may wait for an executor.
package struct AdmissionLimits: Sendable {
    package var waitMax: Nanoseconds
    package var queueMax: Int
}

extension Model {
    /// Of when it was made, unless its entry says so, no more is known than that it is there.
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
            fields: settings.catalog
        )
    }
}

extension Balance {
    init(_ setting: ModelSettings.Balance) {
        self =
            switch setting {
            case .leastLoad: .leastLoad
            case .roundRobin: .roundRobin
            case .weighted: .weighted
            }
    }
}
