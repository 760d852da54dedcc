// An engine whose own list of models is served (`discover` in place of a model), and how these models are served.

/// An engine that is asked for its models, each of which is served under the engine's name for it.
package struct DiscoverySettings: Sendable, Equatable {
    /// How the engine is reached; the executor of each of its models has these settings.
    package var engine: ExecutorSettings
    /// Whether a model whose name is in use already joins the model of that name, as one more executor.
    package var joins = false
    /// The settings of each discovered model; it has no names and no executors.
    package var model = ModelSettings(id: "", executors: [])

    /// Makes one with these settings of the engine, and the defaults of all others.
    package init(engine: ExecutorSettings) { self.engine = engine }

    /// Identifies the engine.
    package var identity: EngineIdentity { EngineIdentity(engine) }
}

extension DiscoverySettings {
    /// Reads an entry of `models` that has the key `discover`; nil if its URL is missing or does not parse.
    init?(reading section: ConfigurationSection, engines: inout EngineClaims) {
        let engine = ExecutorSettings(discoveredBy: section)
        self.init(engine: engine ?? ExecutorSettings(url: .none))
        section.read("join", &joins)
        section.read("balance", &model.balance)
        if let timeouts = section.section("timeouts") { model.timeouts.read(from: timeouts) }
        if let tokens = section.section("media_tokens") { model.mediaTokens.read(from: tokens) }
        model.passthrough = section.passthroughPaths("passthrough")
        model.forward = ForwardSettings(reading: section)
        for key in ["id", "aliases", "fallbacks", "executors", "executors_from"] where section.node(key) != nil {
            section.report(key, "an entry with 'discover' has none: its engine names the models")
        }
        section.finish()
        guard let engine else { return nil }
        engines.check(engine, at: "discover", of: section)
    }
}
