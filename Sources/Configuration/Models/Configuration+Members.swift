// Adds to a configuration the executors and models that were found at runtime. This file decides which model each found
// executor serves.
internal import Inference
internal import Transport

extension Configuration {
    /// Returns the configuration with the executors and models of `found` added.
    ///
    /// - Returns: The configuration, and one line for each found executor or model that is not used, with the reason.
    package func completed(by found: FoundMembers) -> (configuration: Configuration, leftOut: [String]) {
        var completion = MemberCompletion(configuration: self)
        completion.addListed(found.files)
        completion.addDiscovered(found)
        completion.expandNames(found.addresses)
        return (completion.configuration, completion.leftOut)
    }
}

/// A configuration to which executors and models are added, in one step for each source: files, engines, host names.
private struct MemberCompletion {
    var configuration: Configuration
    /// One line for each found executor or model that is not used, with the reason.
    var leftOut: [String] = []

    /// Appends to each model the executors that its file of `executors_from` lists.
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

    /// Appends to the configuration the models that engines list.
    ///
    /// A model is not added if its name is already an id or an alias in the configuration, or if the name belongs to
    /// another engine. In both cases, an engine whose `discover` entry has `join: true` becomes one more executor of
    /// the model that has the name.
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
        // If the model already has an executor at this URL, only the settings of that executor apply.
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

    /// Replaces each executor with `resolve: all` or `resolve: srv` by one executor for each address of its name.
    mutating func expandNames(_ addresses: [NameLookup: [WeightedAddress]]) {
        for index in configuration.models.indices { configuration.models[index].expandNames(addresses) }
    }

    private static func shown(_ name: String) -> String { "'\(ConfigurationSection.printable(name))'" }
}

extension DiscoverySettings {
    /// Returns the settings of a model that the engine lists.
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
