// Reads the file models.yaml of FreeInference, the gateway that this server replaces. The file lists models with their
// routes, and prices in USD per million tokens.
internal import Configuration

/// Makes a draft of a configuration from the models of FreeInference, the gateway that this server replaces.
struct FreeInferenceImport {
    private let notes: MigrationNotes
    private var secrets: SecretReferences
    private var draft = DraftConfiguration()

    /// Makes the draft, and chooses an environment variable for each API key that the imported file has in clear text.
    ///
    /// - Parameters:
    ///   - models: The items of the list `models`.
    ///   - rest: The top level of the file, which contains `models`; nil if the file is only a list of models.
    static func draft(
        _ models: [ConfigurationNode],
        rest: ForeignSection?,
        notes: MigrationNotes
    ) -> (DraftConfiguration, SecretReferences) {
        var reading = FreeInferenceImport(notes: notes, secrets: SecretReferences(used: variables(of: models)))
        for section in ForeignSection.sections(models, path: "models[]", notes: notes) { reading.read(section) }
        rest?.finish(otherwise: "models.yaml has models only; this key is not known")
        return (reading.draft, reading.secrets)
    }

    /// The environment variables to which any value of the models refers.
    private static func variables(of nodes: [ConfigurationNode]) -> Set<String> {
        var found: Set<String> = []
        for node in nodes {
            switch node.kind {
            case .scalar(let text, _, _): found.formUnion(PlaceholderEnvironment.references(in: text).map(\.name))
            case .sequence(let items): found.formUnion(variables(of: items))
            case .mapping(let entries): found.formUnion(variables(of: entries.map(\.value)))
            case .unusable: break
            }
        }
        return found
    }

    private init(notes: MigrationNotes, secrets: SecretReferences) {
        self.notes = notes
        self.secrets = secrets
    }

    // MARK: Models

    private mutating func read(_ section: ForeignSection) {
        guard let id = section.text("id"), let name = expanded(id, section.name(of: "id")) else {
            if !section.has("id") { notes.lost("models[]", "the model has no id", at: section.position) }
            return
        }
        var model = DraftModel(id: name, position: section.position)
        model.aliases = section.texts("aliases").compactMap { alias in
            expanded(alias, section.name(of: "aliases")).map { DraftName(name: $0, position: alias.position) }
        }
        readCatalog(of: section, into: &model)
        let routes = section.sections("route")
        if section.has("route") {
            for key in ["base_url", "api_key", "api_keys", "provider_model_id"] {
                section.drop(key, "the routes of the model have their own")
            }
            for route in routes { read(route, of: &model) }
        } else {
            read(section, kindKey: "provider", of: &model)
        }
        _ = section.node("provider")
        setWeights(routes, of: &model)
        section.finish(Self.modelReasons, otherwise: "not a key of models.yaml that is known here")
        draft.models.append(model)
    }

    private static let modelReasons: [String: String] = [
        "required_role": "every key may use the model, unless the key has a list of models (`keys create`)",
        "admin_only": "every key may use the model, unless the key has a list of models (`keys create`)",
        "router": "executors share by load and weight; there is no router by price and latency",
        "router_params": "executors share by load and weight; there is no router by price and latency",
        "routing_strategy": "executors share by load and weight",
        "processor": "answers are passed on as the engine gives them; choose the parsers of the engine itself",
        "extra_body": "nothing is added to requests; set defaults at the engine",
        "priority_scheduling": "set 'priority: true' at executors whose engines schedule by priority",
        "reasoning_efforts": "requests are not checked for it; the engine does that",
        "on_demand": "engines are not started from here",
        "pricing_schedule": "prices do not depend on the time; give pricing.overrides by hand",
        "route_metadata": "it has no meaning here",
    ]

    // MARK: Routes

    private mutating func read(_ route: ForeignSection, kindKey: String = "kind", of model: inout DraftModel) {
        let what = route.name(of: kindKey)
        let kindName = route.text(kindKey)
        guard let base = route.text("base_url") else {
            if !route.has("base_url") { notes.lost("\(route.path).base_url", "missing", at: route.position) }
            return
        }
        guard let text = expanded(base, route.name(of: "base_url")) else { return }
        var executor = DraftExecutor(url: "", position: route.position)
        let address = ExecutorAddress(text)
        guard address.isUsable(as: route.name(of: "base_url"), at: base.position, notes: notes) else { return }
        executor.url = address.text
        if let kindName {
            guard let kind = Self.kind(kindName.text, of: address) else {
                let shown = ForeignDocument.printable(kindName.text)
                notes.lost(
                    what,
                    "'\(shown)' is not known here as one with OpenAI's or Anthropic's API",
                    at: kindName.position
                )
                return
            }
            executor.kind = kind
            if kindName.text.contains("[") {
                notes.changed(what, "the provider in brackets is not asked for", at: kindName.position)
            }
        }
        if executor.kind == .auto { executor.kind = nil }
        if route.node("provider_model_id") != nil {
            // If the engine's name for the model cannot be imported, the draft gets no executor for this route.
            // Otherwise the engine would receive requests with a wrong model name.
            guard let name = route.text("provider_model_id"),
                let ours = expanded(name, route.name(of: "provider_model_id"))
            else { return }
            executor.model = ours
        }
        executor.apiKey = key(route, model: model.id)
        if kindKey == "kind" {
            if route.flag("optional") == true {
                route.change("optional", "its variables must be set here; remove the executor where they are not")
            }
            _ = route.node("weight")
            route.finish(Self.routeReasons, otherwise: "not a key of a route that is known here")
        }
        model.executors.append(executor)
    }

    private static let routeReasons: [String: String] = [
        "provider": "a name of the provider alone; it has no meaning here",
        "provider_display_name": "a name of the provider alone; it has no meaning here",
        "provider_type": "executors share by load and weight",
        "quota": "executors have no quota; max_running bounds requests at once",
        "quota_pool": "executors have no quota; max_running bounds requests at once",
        "quota_source": "executors have no quota; max_running bounds requests at once",
        "concurrency": "give the executor max_running by hand",
        "concurrency_pool": "give the executor max_running by hand",
        "input_modalities": "every executor of a model gets all its requests: make a model of its own of this one",
        "pricing": "prices are the model's",
        "extra_body": "nothing is added to requests; set defaults at the engine",
        "null_cache_details_means_miss": "what an engine says of its cache is passed on as it is",
    ]

    /// The setting `kind` of an executor; nil if the executor's API is neither OpenAI's nor Anthropic's.
    private static func kind(_ name: String, of address: ExecutorAddress) -> ExecutorSettings.Kind? {
        let word = name.prefix { $0 != "[" }.lowercased()
        switch word {
        case "vllm": return .vllm
        case "sglang": return .sglang
        case "ollama": return address.isSecure ? .openai : .ollama
        case "claude", "anthropic": return .anthropic
        case "llamacpp", "llama.cpp", "llama_cpp": return .llamaCpp
        case "gemini": return nil
        case "openai_compat", "staging", "local": return address.isSecure ? .openai : .auto
        case "chutes", "featherless", "cliproxy", "deepseek", "kimi", "kimi_coding", "zai", "minimax", "openrouter",
            "openai":
            return .openai
        default: return nil
        }
    }

    /// Returns a reference to the variable with a route's API key, such as `${NAME}`; nil if there is no usable key.
    ///
    /// A route is an engine that serves the model. A key is not usable if it is a word such as `none`, or if it has the
    /// form of a reference but does not refer to an environment variable.
    ///
    /// An executor has only one key. So only the first key is used, and the function notes for the operator that
    /// further keys are not imported.
    private mutating func key(_ section: ForeignSection, model: String) -> String? {
        let single = section.texts("api_key")
        let all = single + section.texts("api_keys")
        for further in all.dropFirst() {
            notes.lost(section.name(of: "api_keys"), "an executor has one key; the first is used", at: further.position)
        }
        guard let first = all.first else { return nil }
        let what = section.name(of: single.isEmpty ? "api_keys" : "api_key")
        guard !SecretReferences.isPlaceholder(first.text) else {
            notes.lost(what, SecretReferences.placeholderReason, at: first.position)
            return nil
        }
        let references = PlaceholderEnvironment.references(in: first.text)
        if references.count == 1, references[0].before.isEmpty, references[0].after.isEmpty {
            guard PlaceholderEnvironment.hasVariablesOnly(first.text) else {
                notes.lost(what, "it is no reference to a variable", at: first.position)
                return nil
            }
            guard !first.text.contains(":-") else {
                notes.changed(what, "the default is left out, because it may be a secret", at: first.position)
                return "${\(references[0].name)}"
            }
            return first.text
        }
        let variable = secrets.variable(for: first.text, model: model)
        notes.changed(what, "the key stands in clear text: set it as \(variable)", at: first.position)
        return "${\(variable)}"
    }

    /// Returns the text if each `${` in it begins a reference to an environment variable.
    ///
    /// Otherwise the function returns nil, and notes for the operator that the text is not imported. A configuration
    /// of this server has the same form of references, so the text can stay as it is.
    private func expanded(_ found: ForeignText, _ what: String) -> String? {
        guard PlaceholderEnvironment.hasVariablesOnly(found.text) else {
            notes.lost(what, "it has '${' that begins no reference to a variable", at: found.position)
            return nil
        }
        return found.text
    }

    // MARK: Weights

    /// Gives each executor the weight of its route in the imported file, as a whole number.
    private func setWeights(_ routes: [ForeignSection], of model: inout DraftModel) {
        var texts: [Int: ForeignText] = [:]
        for route in routes {
            guard route.has("weight"),
                let index = model.executors.firstIndex(where: { $0.position == route.position }),
                let text = route.text("weight")
            else { continue }
            texts[index] = text
        }
        guard let first = texts.values.min(by: { $0.position < $1.position }) else { return }
        // In FreeInference a route without a weight has the weight 1.
        let all = model.executors.indices.map { texts[$0]?.text ?? "1" }
        guard let weights = DecimalWeights.whole(all) else {
            notes.lost("models[].route[].weight", "a weight of this model is no number from 0", at: first.position)
            return
        }
        for (index, weight) in weights.enumerated() { model.executors[index].weight = weight }
    }
}
