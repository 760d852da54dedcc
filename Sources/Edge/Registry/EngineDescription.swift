// The settings of one engine, combined from all entries of a configuration that name the engine.
internal import Configuration
internal import Routing

/// One engine as the executor entries of a configuration describe it.
struct EngineDescription {
    let identity: EngineIdentity
    /// The settings of the first executor entry, with three values that later entries may change.
    ///
    /// Later entries set `kind` and `wireProtocol` if these are still `auto`. `idleTimeout` is the smallest value of
    /// all entries.
    private(set) var settings: ExecutorSettings
    /// The largest `max_running` of the executor entries for this engine; nil if no entry has the setting.
    private(set) var runningMax: Int?
    /// The health probe of the first executor entry that configures a probe; nil if no entry does.
    private(set) var probe: HealthProbe?

    /// The engines of a configuration, each once.
    ///
    /// First come the engines of the configured models, in the order of the configuration, then the engines that are
    /// asked for their lists of models.
    static func all(_ configuration: Configuration) -> [EngineDescription] {
        let entries = configuration.models.flatMap(\.executors) + configuration.discoveries.map(\.engine)
        var descriptions: [EngineDescription] = []
        var indices: [EngineIdentity: Int] = [:]
        for settings in entries {
            let identity = EngineIdentity(settings)
            if let index = indices[identity] {
                descriptions[index].add(settings)
            } else {
                indices[identity] = descriptions.count
                descriptions.append(EngineDescription(identity: identity, settings: settings))
            }
        }
        // The path of a probe depends on the engine's kind. Any entry of the engine may name the kind, so all entries
        // are combined before any probe is made.
        for settings in entries {
            guard let index = indices[EngineIdentity(settings)] else { continue }
            descriptions[index].findProbe(settings)
        }
        return descriptions
    }

    private init(identity: EngineIdentity, settings: ExecutorSettings) {
        self.identity = identity
        self.settings = settings
        runningMax = settings.maxRunning
    }

    private mutating func add(_ other: ExecutorSettings) {
        // A later entry may set a value that the first entry leaves at `auto`. Entries that contradict each other were
        // refused when the configuration was checked.
        if settings.kind == .auto { settings.kind = other.kind }
        if settings.wireProtocol == .auto { settings.wireProtocol = other.wireProtocol }
        // The smaller timeout is safe, because a connection that is closed too early is opened again. A request on a
        // connection that is kept too long may fail.
        settings.idleTimeout = min(settings.idleTimeout, other.idleTimeout)
        if let other = other.maxRunning { runningMax = max(runningMax ?? 0, other) }
    }

    private mutating func findProbe(_ entry: ExecutorSettings) {
        guard probe == nil else { return }
        var entry = entry
        entry.kind = settings.kind
        probe = HealthProbe(entry)
    }
}
