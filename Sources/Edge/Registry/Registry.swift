// What outlives a configuration: engines, executors, models with their queues, addresses. Each under a key that is stable.
package import Configuration
internal import HTTP
internal import Routing
internal import Transport

/// Resolves configurations to snapshots, and finds again in a new one what an earlier one has named.
///
/// Confined to the control thread. It holds entries until no snapshot and no exchange does; ids are never reused.
package final class Registry {
    private struct KnownEngine {
        var identity: EngineIdentity
        var engine: Engine
        /// The last generation that has named it.
        var generation: Int
    }
    private struct ExecutorKey: Hashable {
        var engine: Int
        var model: ExactText
    }
    private struct KnownBook {
        var place: String
        var book: AddressBook
    }

    private var engines: [KnownEngine] = []
    private var executors: [Executor] = []
    private var models: [ModelEntry] = []
    private var books: [KnownBook] = []
    private var lastID = 0
    private var generation = 0

    package init() {}

    /// A new id, never 0.
    private func nextID() -> Int {
        lastID += 1
        return lastID
    }

    /// How many engines, executors and models it holds.
    var counts: (engines: Int, executors: Int, models: Int) { (engines.count, executors.count, models.count) }

    /// Resolves a configuration that has been checked.
    ///
    /// Books of names that it has not known before are empty until somebody resolves them.
    package func resolve(_ configuration: Configuration) -> Snapshot {
        generation += 1
        let descriptions = EngineDescription.all(configuration.models)
        let found = match(descriptions.map(\.identity))
        var targets: [EngineIdentity: EngineTarget] = [:]
        var addresses: [AddressBook] = []
        var places = Dictionary(uniqueKeysWithValues: books.enumerated().map { ($1.place, $0) })
        for (description, engine) in zip(descriptions, found) {
            engine.update(
                runningMax: description.runningMax,
                modelsShareCapacity: description.modelsShareCapacity
            )
            let book = book(for: description.identity.url, &places)
            if !addresses.contains(where: { $0 === book }) { addresses.append(book) }
            targets[description.identity] = EngineTarget(
                description,
                engine: engine,
                addresses: book,
                connectTimeout: Nanoseconds(configuration.timeouts.connect.inNanoseconds)
            )
        }
        let models = resolveModels(configuration, targets)
        letGo()
        return Snapshot(
            configuration,
            generation: generation,
            models: models,
            engines: descriptions.compactMap { targets[$0.identity] },
            addresses: addresses,
            knownModels: Set(self.models.map(\.id))
        )
    }

    // MARK: Engines

    /// Finds the engine of each identity, or makes a new one.
    ///
    /// A key or an authority that has been replaced keeps its engine: of the engines at a URL those that are exactly the
    /// same are found first, then what is left of the latest configuration is matched in order, one to one.
    private func match(_ identities: [EngineIdentity]) -> [Engine] {
        var places: [EngineIdentity: Int] = [:]
        for (place, known) in engines.enumerated() { places[known.identity] = place }
        var found: [Int?] = identities.map { places[$0] }
        for place in found { if let place { engines[place].generation = generation } }
        for (index, identity) in identities.enumerated() where found[index] == nil {
            let left = engines.firstIndex { $0.generation == generation - 1 && $0.identity.url == identity.url }
            if let left {
                engines[left].identity = identity
                engines[left].generation = generation
                found[index] = left
            } else {
                found[index] = engines.count
                let engine = Engine(id: nextID(), name: "\(identity.url)")
                engines.append(KnownEngine(identity: identity, engine: engine, generation: generation))
            }
        }
        return found.compactMap { $0.map { engines[$0].engine } }
    }

    private func book(for url: ExecutorURL, _ places: inout [String: Int]) -> AddressBook {
        if let place = places[url.place] { return books[place].book }
        places[url.place] = books.count
        let book = Self.makeBook(for: url)
        books.append(KnownBook(place: url.place, book: book))
        return book
    }

    private static func makeBook(for url: ExecutorURL) -> AddressBook {
        guard url.scheme == .unix else { return AddressBook(host: url.host, port: url.port) }
        guard let address = SocketAddress(unixPath: url.socketPath) else {
            preconditionFailure("the configuration took a path that no address can hold")
        }
        return AddressBook(address)
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
        var places: [ExactText: Int] = [:]
        for (place, model) in configuration.models.enumerated() where places[ExactText(model.id)] == nil {
            places[ExactText(model.id)] = place
        }
        return configuration.models.enumerated().map { place, settings in
            let entry = known[ExactText(settings.id)] ?? makeModel(settings.id)
            known[ExactText(settings.id)] = entry
            var members: [PoolMember] = []
            var executorTargets: [ExecutorTarget] = []
            for member in settings.executors {
                guard let engine = targets[EngineIdentity(member)] else { continue }
                let key = ExecutorKey(engine: engine.engine.id, model: ExactText(member.model ?? settings.id))
                let executor = pairs[key] ?? makeExecutor(key, engine.engine)
                pairs[key] = executor
                members.append(PoolMember(executor, weight: member.weight, runningMax: member.maxRunning))
                executorTargets.append(
                    ExecutorTarget(
                        member,
                        executor: executor,
                        model: entry,
                        engine: engine,
                        forward: [configuration.forward, settings.forward]
                    )
                )
            }
            return SnapshotModel(
                entry: entry,
                pool: ExecutorPool(entry.pool, members: members, balance: Balance(settings.balance), place: place),
                timeouts: ModelTimeouts(settings.timeouts, else: configuration.timeouts),
                mediaTokens: settings.mediaTokens,
                targets: executorTargets,
                fallbacks: settings.fallbacks.compactMap { places[ExactText($0)] }
            )
        }
    }

    private func makeModel(_ name: String) -> ModelEntry {
        // The pools of many processes are not to choose alike.
        let pool = PoolEntry(id: nextID(), seed: UInt64.random(in: .min ... .max))
        let entry = ModelEntry(id: nextID(), name: name, knownSince: Clock.wallTime().seconds, pool: pool)
        models.append(entry)
        return entry
    }

    private func makeExecutor(_ key: ExecutorKey, _ engine: Engine) -> Executor {
        let executor = Executor(id: nextID(), engine: engine, model: key.model.text)
        executors.append(executor)
        return executor
    }

    // MARK: Letting go

    /// Drops what neither a snapshot nor an exchange names: nobody but the registry refers to it.
    private func letGo() {
        for index in models.indices.reversed() where isKnownUniquelyReferenced(&models[index]) {
            models.remove(at: index)
        }
        // Executors hold their engines: they go first.
        for index in executors.indices.reversed() where isKnownUniquelyReferenced(&executors[index]) {
            executors.remove(at: index)
        }
        for index in engines.indices.reversed() where isKnownUniquelyReferenced(&engines[index].engine) {
            engines.remove(at: index)
        }
        for index in books.indices.reversed() where isKnownUniquelyReferenced(&books[index].book) {
            books.remove(at: index)
        }
    }
}

extension ExecutorURL {
    /// Where it connects to, as text.
    fileprivate var place: String { scheme == .unix ? "unix:\(socketPath)" : "\(host) \(port)" }
}
