// Completing a configuration with what was found outside of it; this decides which model each executor serves.
internal import Inference
internal import Transport

extension Configuration {
    /// Returns the configuration with the executors and models that were found.
    ///
    /// - Returns: The configuration, and one line for each executor and model that it does not use, with the reason.
    package func completed(by found: FoundMembers) -> (configuration: Configuration, leftOut: [String]) {
        var completion = MemberCompletion(configuration: self)
        completion.addListed(found.files)
        completion.addDiscovered(found)
        completion.expandNames(found.addresses)
        return (completion.configuration, completion.leftOut)
    }
}

/// A configuration while it is completed, in one step for each source of members.
private struct MemberCompletion {
    var configuration: Configuration
    /// What is not used, and why.
    var leftOut: [String] = []

    /// Adds the executors of `executors_from`, behind those of the configuration.
    mutating func addListed(_ files: [String: [ExecutorSettings]]) {
        for index in configuration.models.indices {
            let model = configuration.models[index]
            guard let path = model.executorFile?.path, let list = files[path] else { continue }
            let own = Set(model.executors.map(\.url))
            for executor in list {
                guard !own.contains(executor.url) else {
                    leftOut.append("\(path): \(executor.url) is an executor of \(Self.shown(model.id)) already")
                    continue
                }
                configuration.models[index].executors.append(executor)
            }
        }
    }

    /// Adds the models that engines list, behind those of the configuration.
    ///
    /// A name is not used again if it is an id or an alias of the configuration, or belongs to another engine. With
    /// `join` the engine is added to the model that has the name.
    mutating func addDiscovered(_ found: FoundMembers) {
        var indices: [ExactText: Int] = [:]
        for (index, model) in configuration.models.enumerated() {
            for name in [model.id] + model.aliases where indices[ExactText(name)] == nil {
                indices[ExactText(name)] = index
            }
        }
        var others: [(executor: ExecutorSettings, name: ExactText, joins: Bool)] = []
        for discovery in configuration.discoveries {
            guard let listing = found.listings[discovery.identity] else { continue }
            for model in listing.models {
                var executor = discovery.engine
                if executor.kind == .auto { executor.kind = listing.kind }
                executor.model = model.name
                let name = ExactText(model.name)
                if indices[name] == nil, found.holders[name] == discovery.identity {
                    indices[name] = configuration.models.count
                    configuration.models.append(discovery.model(model, at: executor))
                } else {
                    others.append((executor, name, discovery.joins))
                }
            }
        }
        for (executor, name, joins) in others {
            if let index = indices[name] { add(executor, toModelAt: index, joins: joins) }
        }
    }

    private mutating func add(_ executor: ExecutorSettings, toModelAt index: Int, joins: Bool) {
        let model = configuration.models[index]
        // Where the configuration names the engine for this model by itself, it has said how the model is served there.
        guard !model.executors.contains(where: { $0.url == executor.url }) else { return }
        guard joins else {
            let name = Self.shown(executor.model ?? "")
            leftOut.append(
                "\(executor.url): the name of its model \(name) is in use; `join: true` adds the engine to that model"
            )
            return
        }
        configuration.models[index].executors.append(executor)
    }

    /// Replaces the names whose addresses are executors of their own by these executors.
    mutating func expandNames(_ addresses: [NameLookup: [WeightedAddress]]) {
        for index in configuration.models.indices { configuration.models[index].expandNames(addresses) }
    }

    private static func shown(_ name: String) -> String { "'\(ConfigurationSection.printable(name))'" }
}

extension DiscoverySettings {
    /// The settings of a model that the engine lists.
    fileprivate func model(_ found: EngineListing.Model, at executor: ExecutorSettings) -> ModelSettings {
        var model = model
        model.id = found.name
        model.executors = [executor]
        model.isDiscovered = true
        if let length = found.contextLength {
            model.catalog = [CatalogField(name: "context_length", value: .number("\(length)"))]
        }
        return model
    }
}
