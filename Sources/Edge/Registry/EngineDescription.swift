// What makes an engine the same engine: for entries of one configuration, and from one configuration to the next.
internal import Configuration
internal import Routing

/// An engine as the entries of one configuration describe it.
struct EngineDescription {
    let identity: EngineIdentity
    /// The first entry, with what the others add to it.
    private(set) var settings: ExecutorSettings
    /// The largest limit that the entries give; nil where none gives one.
    private(set) var runningMax: Int?
    /// That of the first entry that has one.
    private(set) var probe: HealthProbe?

    /// The engines that the entries of all models name, in the order in which they name them.
    static func all(_ models: [ModelSettings]) -> [EngineDescription] {
        var descriptions: [EngineDescription] = []
        var places: [EngineIdentity: Int] = [:]
        for settings in models.flatMap(\.executors) {
            let identity = EngineIdentity(settings)
            if let place = places[identity] {
                descriptions[place].add(settings)
            } else {
                places[identity] = descriptions.count
                descriptions.append(EngineDescription(identity: identity, settings: settings))
            }
        }
        // What an engine is has to be known before it is known how it is asked.
        for settings in models.flatMap(\.executors) {
            guard let place = places[EngineIdentity(settings)] else { continue }
            descriptions[place].findProbe(settings)
        }
        return descriptions
    }

    private init(identity: EngineIdentity, settings: ExecutorSettings) {
        self.identity = identity
        self.settings = settings
        runningMax = settings.maxRunning
    }

    private mutating func add(_ other: ExecutorSettings) {
        // `auto` contradicts nothing: another entry's value holds for all. Contradictions were reported when the
        // configuration was read.
        if settings.kind == .auto { settings.kind = other.kind }
        if settings.wireProtocol == .auto { settings.wireProtocol = other.wireProtocol }
        // A connection that one model keeps for too short a time is opened again; one kept for too long breaks a request.
        settings.idleTimeout = min(settings.idleTimeout, other.idleTimeout)
        if let other = other.maxRunning { runningMax = max(runningMax ?? 0, other) }
    }

    private mutating func findProbe(_ entry: ExecutorSettings) {
        guard probe == nil else { return }
        var entry = entry
        entry.kind = settings.kind
        probe = HealthProbe(entry)
    }

    /// Whether one model's requests take capacity from the engine's others.
    var modelsShareCapacity: Bool {
        switch settings.kind {
        case .vllm, .sglang, .llamaCpp: true
        case .auto, .ollama, .openai, .anthropic: false
        }
    }
}
