// Resolves configurations to snapshots; keeps engines, executors, models and addresses from one snapshot to the next.
package import Configuration
internal import HTTP
package import Routing
internal import Transport

/// Resolves each configuration to a snapshot.
///
/// Engines, executors and models that were in earlier snapshots stay the same objects.
///
/// Confined to the control thread. An entry is kept as long as a snapshot or an exchange refers to it. The id of an
/// entry is never used again.
package final class Registry {
    private struct KnownEngine {
        var identity: EngineIdentity
        var engine: Engine
        /// The last generation whose configuration names the engine.
        var generation: Int
    }
    /// Identifies an executor by the id of its engine and by the name of its model at that engine.
    private struct ExecutorKey: Hashable {
        var engine: Int
        var model: ExactText
    }
    private struct KnownBook {
        /// The host and port, or the path of the unix socket, to which connections go (`EngineIdentity.addressKey`).
        ///
        /// Engines with the same key share one `AddressBook`.
        var key: String
        var book: AddressBook
    }

    private var knownEngines: [KnownEngine] = []
    /// The engines of the configuration in force, and those that exchanges still use.
    var engines: [Engine] { knownEngines.map(\.engine) }
    private(set) var executors: [Executor] = []
    /// The operator's commands that are in force, such as to drain an executor or to change its weight.
    var orders = ExecutorOrders()
    private var models: [ModelEntry] = []
    private var books: [KnownBook] = []
    /// The table in which attempts are counted for all processes of an upgrade; nil while this process runs alone.
    var sharedCounts: SharedCounts?
    private var lastID = 0
    private var generation = 0

    /// The memory budget for the maps in which pools record which prompts executors probably have in their caches; nil
    /// without a limit.
    private let memory: (any PlacementMemory)?

    /// Makes an empty registry.
    ///
    /// - Parameter memory: the memory budget for the maps in which pools record which prompts executors probably have
    ///   in their caches; nil without a limit.
    package init(memory: (any PlacementMemory)? = nil) { self.memory = memory }

    /// A new id, never 0.
    private func nextID() -> Int {
        lastID += 1
        return lastID
    }

    /// The numbers of engines, executors and models in the registry; for tests.
    var counts: (engines: Int, executors: Int, models: Int) { (knownEngines.count, executors.count, models.count) }

    /// Resolves a configuration, which must have been read without errors.
    ///
    /// The addresses of new host names are unknown until a `NameResolver` finds them.
    ///
    /// - Parameters:
    ///   - listeners: the resolved listeners of the configuration; nil to resolve them now, which reads certificates.
    ///   - access: the API keys in force; by default there are none.
    package func resolve(
        _ configuration: Configuration,
        listeners: [ListenerPlan]? = nil,
        access: Authenticator = Authenticator()
    ) -> Snapshot {
        generation += 1
        let descriptions = EngineDescription.all(configuration)
        let found = match(descriptions.map(\.identity))
        var targets: [EngineIdentity: EngineTarget] = [:]
        var addresses: [AddressBook] = []
        var indices = Dictionary(uniqueKeysWithValues: books.enumerated().map { ($1.key, $0) })
        for (description, engine) in zip(descriptions, found) {
            engine.update(runningMax: description.runningMax, kind: EngineKind(description.settings.kind))
            let book = book(for: description.identity, &indices)
            if !addresses.contains(where: { $0 === book }) { addresses.append(book) }
            targets[description.identity] = EngineTarget(
                description,
                engine: engine,
                addresses: book,
                connectTimeout: Nanoseconds(configuration.timeouts.connect.inNanoseconds)
            )
        }
        let models = resolveModels(configuration, targets)
        removeUnreferenced()
        return Snapshot(
            configuration,
            generation: generation,
            listeners: listeners ?? ListenerPlan.all(in: configuration),
            access: access,
            models: models,
            engines: descriptions.compactMap { targets[$0.identity] },
            discovered: configuration.discoveries.compactMap { discovery in
                targets[discovery.identity].map { DiscoveryTarget(discovery, $0) }
            },
            addresses: addresses,
            knownModels: Set(self.models.map(\.id))
        )
    }

    // MARK: Engines

    /// For each identity, returns the engine that the registry already has, or makes a new engine.
    ///
    /// The identity of an engine contains its URL, address, API key and certificate authority. First, each identity
    /// gets the engine that already has exactly this identity. Each remaining identity gets an engine of the previous
    /// configuration with the same URL and address, if one is left that no other identity has got. So an engine keeps
    /// its state when the operator replaces its API key or certificate authority.
    private func match(_ identities: [EngineIdentity]) -> [Engine] {
        var indices: [EngineIdentity: Int] = [:]
        for (index, known) in knownEngines.enumerated() { indices[known.identity] = index }
        var found: [Int?] = identities.map { indices[$0] }
        for index in found { if let index { knownEngines[index].generation = generation } }
        for (index, identity) in identities.enumerated() where found[index] == nil {
            let left = knownEngines.firstIndex {
                $0.generation == generation - 1 && $0.identity.hasPlace(of: identity)
            }
            if let left {
                knownEngines[left].identity = identity
                knownEngines[left].generation = generation
                found[index] = left
            } else {
                found[index] = knownEngines.count
                let engine = makeEngine(identity.name)
                knownEngines.append(KnownEngine(identity: identity, engine: engine, generation: generation))
            }
        }
        return found.compactMap { $0.map { knownEngines[$0].engine } }
    }

    private func makeEngine(_ name: String) -> Engine {
        let taken = knownEngines.lazy.filter { $0.engine.name == name }.map(\.engine.ordinal)
        let ordinal = (0...).first { !taken.contains($0) } ?? 0
        let engine = Engine(id: nextID(), name: name, ordinal: ordinal)
        if let sharedCounts { engine.share(in: sharedCounts) }
        return engine
    }

    private func book(for identity: EngineIdentity, _ indices: inout [String: Int]) -> AddressBook {
        let key = identity.addressKey
        if let index = indices[key] { return books[index].book }
        indices[key] = books.count
        let book =
            identity.address.map { AddressBook(host: $0.host, port: $0.port) } ?? AddressBook(of: identity.url)
        books.append(KnownBook(key: key, book: book))
        return book
    }

    // MARK: Models

    private func resolveModels(
        _ configuration: Configuration,
        _ targets: [EngineIdentity: EngineTarget]
    ) -> [SnapshotModel] {
        var known = Dictionary(uniqueKeysWithValues: models.map { (ExactText($0.name), $0) })
        var pairs: [ExecutorKey: Executor] = [:]
        for executor in executors {
            pairs[ExecutorKey(engine: executor.engine.id, model: ExactText(executor.model))] = executor
        }
        var indices: [ExactText: Int] = [:]
        for (index, model) in configuration.models.enumerated() where indices[ExactText(model.id)] == nil {
            indices[ExactText(model.id)] = index
        }
        return configuration.models.enumerated().map { index, settings in
            let entry = known[ExactText(settings.id)] ?? makeModel(settings.id)
            known[ExactText(settings.id)] = entry
            let resolved = resolveMembers(of: settings, entry, configuration, targets, &pairs)
            return SnapshotModel(
                entry: entry,
                pool: ExecutorPool(
                    entry.pool,
                    members: resolved.members,
                    balance: Balance(settings.balance),
                    shares: configuration.admission.shares,
                    modelIndex: index
                ),
                timeouts: ModelTimeouts(settings.timeouts, else: configuration.timeouts),
                mediaTokens: settings.mediaTokens,
                prefixesAreTenants: settings.prefixScope == .tenant,
                reasoning: settings.reasoning,
                targets: resolved.targets,
                fallbacks: settings.fallbacks.compactMap { indices[ExactText($0)] }
            )
        }
    }

    /// Makes the members of a model's pool, and describes for each how an attempt reaches it.
    ///
    /// An executor is left out if `engines` does not have its engine.
    ///
    /// - Parameter pairs: the executors that exist, by engine and model; new executors are added.
    private func resolveMembers(
        of settings: ModelSettings,
        _ entry: ModelEntry,
        _ configuration: Configuration,
        _ engines: [EngineIdentity: EngineTarget],
        _ pairs: inout [ExecutorKey: Executor]
    ) -> (members: [PoolMember], targets: [ExecutorTarget]) {
        var members: [PoolMember] = []
        var targets: [ExecutorTarget] = []
        for member in settings.executors {
            guard let engine = engines[EngineIdentity(member)] else { continue }
            let key = ExecutorKey(engine: engine.engine.id, model: ExactText(member.model ?? settings.id))
            let executor = pairs[key] ?? makeExecutor(key, engine.engine)
            pairs[key] = executor
            let dialects = member.dialects ?? settings.dialects ?? configuration.dialects ?? member.kind.dialects
            members.append(
                PoolMember(
                    executor,
                    weight: member.weight,
                    runningMax: member.maxRunning,
                    paths: ServedDialect.paths(of: dialects)
                )
            )
            targets.append(
                ExecutorTarget(
                    member,
                    executor: executor,
                    model: entry,
                    engine: engine,
                    forward: [configuration.forward, settings.forward],
                    stripBilling: settings.stripBilling ?? configuration.stripBilling
                )
            )
        }
        return (members, targets)
    }

    private func makeModel(_ name: String) -> ModelEntry {
        // The seed is random, so that several processes with the same configuration do not all choose the same
        // executor.
        let pool = PoolEntry(id: nextID(), seed: UInt64.random(in: .min ... .max), memory: memory)
        let entry = ModelEntry(id: nextID(), name: name, knownSince: Clock.wallTime().seconds, pool: pool)
        models.append(entry)
        return entry
    }

    private func makeExecutor(_ key: ExecutorKey, _ engine: Engine) -> Executor {
        let executor = Executor(id: nextID(), engine: engine, model: key.model.text)
        executors.append(executor)
        if let sharedCounts { executor.share(in: sharedCounts) }
        applyOrders(to: executor, at: Clock.monotonicNow())
        return executor
    }

    // MARK: Removal

    /// Removes the engines, executors and models to which only the registry still refers.
    private func removeUnreferenced() {
        for index in models.indices.reversed() where isKnownUniquelyReferenced(&models[index]) {
            models.remove(at: index)
        }
        // Executors are removed before engines, because each executor refers to its engine.
        for index in executors.indices.reversed() where isKnownUniquelyReferenced(&executors[index]) {
            executors.remove(at: index)
        }
        for index in knownEngines.indices.reversed()
        where isKnownUniquelyReferenced(&knownEngines[index].engine) { knownEngines.remove(at: index) }
        for index in books.indices.reversed() where isKnownUniquelyReferenced(&books[index].book) {
            books.remove(at: index)
        }
    }
}

extension EngineIdentity {
    /// Identifies the host and port, or the path of the unix socket, to which connections go.
    fileprivate var addressKey: String {
        if let address { return "\(address.host) \(address.port)" }
        return url.scheme == .unix ? "unix:\(url.socketPath)" : "\(url.host) \(url.port)"
    }
}
