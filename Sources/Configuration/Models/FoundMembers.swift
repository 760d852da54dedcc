// The members that a running server finds: executors that files list, models that engines list, addresses of host
// names.
package import Transport

/// The executors and models that are added to a configuration and may change while the configuration is in force.
///
/// `Configuration.completed(by:)` adds them to a configuration.
package struct FoundMembers: Sendable, Equatable {
    /// The software of one engine, and the models that the engine has listed.
    package struct Listing: Sendable, Equatable {
        /// The software of the engine; `auto` if its response does not reveal it.
        package var kind = ExecutorSettings.Kind.auto
        /// The models in a stable order: the models that an earlier list had keep their order, and new models follow.
        package var models: [EngineListing.Model] = []
        package init() {}

        /// Whether two lists of one engine differ in the software of the engine, or in the context length of a model
        /// that is in both.
        ///
        /// The result is false if one of the lists is empty.
        fileprivate func contradicts(_ other: Listing) -> Bool {
            guard !models.isEmpty, !other.models.isEmpty else { return false }
            let lengths = Dictionary(other.models.map { (ExactText($0.name), $0.contextLength) }) { first, _ in first }
            return kind != other.kind
                || models.contains { model in lengths[ExactText(model.name)].map { $0 != model.contextLength } ?? false
                }
        }
    }

    /// The executors that each file of executors (`ModelSettings.executorFile`) lists, by the path of the file.
    package var files: [String: [ExecutorSettings]] = [:]
    /// The models of each engine in `Configuration.discoveries`; no entry for an engine that has not answered yet.
    package var listings: [EngineIdentity: Listing] = [:]
    /// The addresses that DNS has given for each query in `Configuration.lookups`.
    ///
    /// A name that has not been resolved yet has no entry.
    package var addresses: [NameLookup: [WeightedAddress]] = [:]
    /// The engine to which each discovered model name belongs; set by `kept(for:after:)`.
    package private(set) var holders: [ExactText: EngineIdentity] = [:]

    /// Makes a value without executors and models.
    package init() {}

    /// Makes the value for a configuration that has just been read.
    ///
    /// The value contains the executors that the configuration's files of executors list. No engine has been asked for
    /// its models yet, and no host name has been resolved.
    package init(_ configuration: Configuration) { files = configuration.listedExecutors }

    /// Returns the found members for the files, engines and host names that `configuration` contains; drops all others.
    ///
    /// An engine keeps its list of models as long as its URL stays the same, even if its API key or its certificate
    /// authorities change.
    ///
    /// - Parameter earlier: The found members that are in force so far. A model name stays with its engine for
    ///   as long as the engine lists it, so that no other engine takes the name over.
    package func kept(for configuration: Configuration, after earlier: FoundMembers = FoundMembers()) -> FoundMembers {
        var kept = FoundMembers()
        for path in configuration.models.compactMap({ $0.executorFile?.path }) { kept.files[path] = files[path] }
        let engines = configuration.discoveries.map(\.identity)
        for identity in engines {
            kept.listings[identity] =
                listings[identity] ?? listings.first { $0.key.url == identity.url }?.value
        }
        for lookup in configuration.lookups(beside: kept) { kept.addresses[lookup] = addresses[lookup] }
        kept.giveNames(to: engines, after: earlier.holders)
        return kept
    }

    /// Assigns each listed model name to one engine.
    ///
    /// - Parameters:
    ///   - engines: All engines that the server asks for their models, in the order of the configuration. A new name
    ///     goes to the first engine that lists it.
    ///   - earlier: The engine to which each name has belonged so far.
    private mutating func giveNames(to engines: [EngineIdentity], after earlier: [ExactText: EngineIdentity]) {
        for engine in engines {
            for model in listings[engine]?.models ?? [] {
                let name = ExactText(model.name)
                if earlier[name]?.url == engine.url { holders[name] = engine }
            }
        }
        for engine in engines {
            for model in listings[engine]?.models ?? [] where holders[ExactText(model.name)] == nil {
                holders[ExactText(model.name)] = engine
            }
        }
    }

    // MARK: Changes

    /// The largest number of lines that `changes` returns.
    private static let changesMax = 20

    /// Describes each executor, model or address that was added, removed or changed, in one line each.
    ///
    /// If there are more than 20 lines, the last line says how many lines are left out.
    package func changes(to new: FoundMembers) -> [String] {
        var lines: [String] = []
        for path in Set(files.keys).union(new.files.keys).sorted() {
            let (before, after) = (files[path] ?? [], new.files[path] ?? [])
            let changed = after.filter { entry in before.contains { $0.url == entry.url && $0 != entry } }
            lines += Self.lines("\(path): executor", before.map { "\($0.url)" }, after.map { "\($0.url)" })
            lines += changed.map { "\(path): executor \($0.url): changed" }
        }
        for engine in Set(listings.keys).union(new.listings.keys).sorted(by: { "\($0.url)" < "\($1.url)" }) {
            let (before, after) = (listings[engine] ?? Listing(), new.listings[engine] ?? Listing())
            lines += Self.lines("\(engine.url): model", before.models.map(\.name), after.models.map(\.name))
            if before.contradicts(after) { lines.append("\(engine.url): says other things of itself or its models") }
        }
        for lookup in Set(addresses.keys).union(new.addresses.keys).sorted(by: { $0.name < $1.name }) {
            lines += Self.lines(of: lookup, addresses[lookup] ?? [], new.addresses[lookup] ?? [])
        }
        guard lines.count > Self.changesMax else { return lines }
        return lines.prefix(Self.changesMax - 1) + ["and \(lines.count - Self.changesMax + 1) more"]
    }

    private static func lines(
        of lookup: NameLookup,
        _ old: [WeightedAddress],
        _ new: [WeightedAddress]
    ) -> [String] {
        let weights = Dictionary(old.map { ($0.address, $0.weight) }) { first, _ in first }
        let changed = new.filter { one in weights[one.address].map { $0 != one.weight } ?? false }
        let texts = [old, new].map { $0.map(\.address.withPort) }
        return lines("\(lookup.name): address", texts[0], texts[1])
            + changed.map { "\(lookup.name): address \($0.address.withPort): another weight" }
    }

    private static func lines(_ what: String, _ old: [String], _ new: [String]) -> [String] {
        let (before, after) = (Set(old.map(ExactText.init)), Set(new.map(ExactText.init)))
        func line(_ name: String, _ event: String) -> String {
            "\(what) \(ConfigurationSection.printable(name)): \(event)"
        }
        return old.filter { !after.contains(ExactText($0)) }.map { line($0, "removed") }
            + new.filter { !before.contains(ExactText($0)) }.map { line($0, "added") }
    }
}
