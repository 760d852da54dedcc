// An entry with `discover` in the list of models: the server asks an engine for its models and serves each of them.

/// An engine that is asked for its models.
///
/// Each model is served under the name that the engine uses.
package struct DiscoverySettings: Sendable, Equatable {
    /// How the engine is reached; the executor of each discovered model gets these settings.
    package var engine: ExecutorSettings
    /// Whether the engine becomes one more executor of an existing model if it lists a model of the same name.
    ///
    /// If the value is false, the engine gets no requests for this name.
    package var joins = false
    /// The settings of each discovered model; the id and the executors are empty here and filled in for each model.
    package var model = ModelSettings(id: "", executors: [])

    /// Makes an entry for the given engine, with the default of every other setting.
    package init(engine: ExecutorSettings) { self.engine = engine }

    /// The identity of the engine: entries with an equal identity, even in different configurations, refer to the same
    /// engine.
    package var identity: EngineIdentity { EngineIdentity(engine) }
}

extension DiscoverySettings {
    /// Reads an entry of `models` that has the key `discover`; nil if the URL is missing or does not parse.
    init?(reading section: ConfigurationSection, engines: inout EngineClaims) {
        let engine = ExecutorSettings(discoveredBy: section)
        self.init(engine: engine ?? ExecutorSettings(url: .none))
        section.read("join", &joins)
        section.read("balance", &model.balance)
        section.read("prefix_scope", &model.prefixScope)
        if let timeouts = section.section("timeouts") { model.timeouts.read(from: timeouts) }
        if let tokens = section.section("media_tokens") { model.mediaTokens.read(from: tokens) }
        model.passthrough = section.passthroughPaths("passthrough")
        model.forward = ForwardSettings(reading: section)
        section.read("reasoning", &model.reasoning)
        for key in ["id", "aliases", "fallbacks", "executors", "executors_from"] where section.node(key) != nil {
            section.report(key, "an entry with 'discover' has none: its engine names the models")
        }
        section.finish()
        guard let engine else { return nil }
        engines.check(engine, at: "discover", of: section)
    }
}
