// How to ask one engine of a snapshot for its list of models.
internal import Configuration
internal import Inference

/// An engine of a snapshot that is asked for its list of models.
struct DiscoveryTarget: Sendable {
    /// Identifies the engine among the engines of the configuration.
    let identity: EngineIdentity
    /// How the engine is reached.
    let engine: EngineTarget
    /// The path and query of the request; it starts with the path of the engine's URL.
    let path: [UInt8]

    init(_ settings: DiscoverySettings, _ engine: EngineTarget) {
        identity = settings.identity
        self.engine = engine
        // Anthropic's list has pages of 20 models unless a client asks for more.
        let query = settings.engine.kind == .anthropic ? "?limit=\(EngineListing.modelsMax)" : ""
        path = engine.pathPrefix + Array("/v1/models\(query)".utf8)
    }

    /// Whether this target and `other` would send the same request for the list of models, over the same connections.
    func asksLike(_ other: DiscoveryTarget) -> Bool {
        engine.connectsLike(other.engine) && path == other.path && engine.host == other.engine.host
            && engine.credential == other.engine.credential
    }
}
