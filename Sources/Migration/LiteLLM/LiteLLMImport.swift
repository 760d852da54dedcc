// Reads LiteLLM's config.yaml. LiteLLM calls each entry of `model_list` a deployment. Deployments that share a
// `model_name` become the executors of one model.
internal import Configuration
internal import Transport

/// Makes a draft of a configuration from the models and settings of LiteLLM's proxy.
struct LiteLLMImport {
    /// A deployment (an entry of `model_list`) that becomes an executor.
    ///
    /// The struct also has the settings whose conversion depends on the other deployments of the model.
    struct Deployment {
        var executor: DraftExecutor
        /// The deployment's `order`; nil if the deployment has no `order`.
        ///
        /// LiteLLM tries the deployments with the lowest order first.
        var order: Int?
        var orderPosition: Position
        var weight: ForeignText?
        var requestsPerMinute: ForeignText?
        var tokensPerMinute: ForeignText?
        /// The name of the deployment's settings in messages, such as `model_list[].litellm_params`.
        var path: String
    }

    /// A model and its deployments (the entries of `model_list` with the model's name).
    struct Group {
        var model: DraftModel
        var deployments: [Deployment] = []
    }

    let notes: MigrationNotes
    var secrets = SecretReferences()
    var draft = DraftConfiguration()
    /// The models in the order in which they first occur in the file.
    var groups: [Group] = []
    var groupIndexes: [ExactText: Int] = [:]

    /// Makes the draft, and chooses an environment variable for each API key that the imported file has in clear text.
    ///
    /// - Parameter root: The top level of the file.
    static func draft(_ root: ForeignSection, notes: MigrationNotes) -> (DraftConfiguration, SecretReferences) {
        let models = root.sections("model_list")
        var reading = LiteLLMImport(notes: notes, secrets: SecretReferences(used: variables(of: models)))
        for section in models { reading.read(section) }
        reading.readSettings(root)
        reading.finishGroups()
        return (reading.draft, reading.secrets)
    }

    /// The environment variables to which deployments refer in texts such as `os.environ/NAME`.
    private static func variables(of models: [ForeignSection]) -> Set<String> {
        var found: Set<String> = []
        for model in models {
            guard let parameters = model.node("litellm_params"), case .mapping(let entries) = parameters.kind else {
                continue
            }
            for entry in entries {
                guard case .scalar(let text, _, _) = entry.value.kind, let name = variable(in: text) else { continue }
                found.insert(name)
            }
        }
        return found
    }

    private init(notes: MigrationNotes, secrets: SecretReferences) {
        self.notes = notes
        self.secrets = secrets
    }

    /// The name of the variable to which a text such as `os.environ/NAME` refers; nil for any other text.
    static func variable(in text: String) -> String? {
        let beginning = "os.environ/"
        guard text.hasPrefix(beginning) else { return nil }
        let name = text.dropFirst(beginning.count)
        return SecretReferences.isVariableName(name) ? String(name) : nil
    }

    /// Converts a text of LiteLLM's file to the syntax of this server's configuration: `os.environ/NAME` becomes
    /// `${NAME}`.
    ///
    /// In any other text, each `${` is escaped, so that it does not refer to a variable.
    static func ours(_ text: String) -> String {
        variable(in: text).map { "${\($0)}" } ?? DraftConfiguration.literal(text)
    }

    // MARK: Deployments

    private mutating func read(_ section: ForeignSection) {
        guard let name = section.text("model_name") else {
            if !section.has("model_name") { notes.lost("model_list[]", "has no model_name", at: section.position) }
            return
        }
        guard !name.text.contains("*") else {
            let why = "a name with '*' stands for any model of a provider; name each model"
            notes.lost("model_list[].model_name", why, at: name.position)
            return
        }
        guard let parameters = section.section("litellm_params") else {
            if !section.has("litellm_params") {
                notes.lost("model_list[]", "has no litellm_params", at: section.position)
            }
            return
        }
        let index = group(Self.ours(name.text), at: section.position)
        if let deployment = deployment(parameters, model: groups[index].model.id) {
            groups[index].deployments.append(deployment)
        }
        // The model is copied out of `groups`, because the functions below read `self`. If they changed the model in
        // place, Swift would copy all groups at each call.
        var model = groups[index].model
        readTimeouts(parameters, into: &model)
        readPrices(parameters, into: &model)
        parameters.finish(Self.parameterReasons, otherwise: "nothing is added to requests; clients send it themselves")
        if let information = section.section("model_info") { readInformation(information, into: &model) }
        groups[index].model = model
        section.finish(otherwise: "not a key of model_list that has a meaning here")
    }

    /// Returns the index of a model's group.
    ///
    /// The group is made at the first deployment of the model.
    private mutating func group(_ id: String, at position: Position) -> Int {
        if let index = groupIndexes[ExactText(id)] { return index }
        groupIndexes[ExactText(id)] = groups.count
        groups.append(Group(model: DraftModel(id: id, position: position)))
        return groups.count - 1
    }

    private static let parameterReasons: [String: String] = [
        "max_retries": "attempts are bounded by a budget of all requests, not by a number",
        "num_retries": "attempts are bounded by a budget of all requests, not by a number",
        "api_version": "engines are asked at their usual paths, without a version",
        "organization": "no field of an account is sent to executors",
        "extra_headers": "executors get the client's fields only; see forward_fields",
        "headers": "executors get the client's fields only; see forward_fields",
        "mock_response": "`freeinference executor` is a model server without a model",
        "max_budget": "there are no budgets; keys have limits of requests and tokens",
        "budget_duration": "there are no budgets; keys have limits of requests and tokens",
        "tags": "requests are not routed by tags",
        "ssl_verify": "certificates of executors are always verified; tls.ca names their authority",
        "drop_params": "requests pass as they are",
        "additional_drop_params": "requests pass as they are",
    ]

    private mutating func deployment(_ parameters: ForeignSection, model: String) -> Deployment? {
        let order = parameters.count("order", in: 0...1_000_000)
        let weight = parameters.text("weight")
        let requests = parameters.text("rpm")
        let tokens = parameters.text("tpm")
        let running = parameters.count("max_parallel_requests", in: 1...1_000_000)
        guard let found = executor(parameters, model: model) else {
            // The deployment is left out, so these settings have no meaning. The call of `node` marks each of them as
            // read, so that `finish` does not report it.
            for key in ["api_base", "base_url", "api_key", "custom_llm_provider"] { _ = parameters.node(key) }
            return nil
        }
        var executor = found
        executor.maxRunning = running
        executor.position = parameters.position
        return Deployment(
            executor: executor,
            order: order,
            orderPosition: parameters.position(of: "order"),
            weight: weight,
            requestsPerMinute: requests,
            tokensPerMinute: tokens,
            path: parameters.path
        )
    }

    private mutating func executor(_ parameters: ForeignSection, model id: String) -> DraftExecutor? {
        let what = parameters.name(of: "model")
        guard let model = parameters.text("model") else {
            if !parameters.has("model") { notes.lost(what, "missing", at: parameters.position) }
            return nil
        }
        guard !model.text.contains("*") else {
            notes.lost(what, "a name with '*' stands for any model of a provider; name each model", at: model.position)
            return nil
        }
        guard let (name, provider, engineName) = provider(of: model, parameters, what) else { return nil }
        let base = parameters.text("api_base") ?? parameters.text("base_url")
        _ = parameters.node("base_url")
        var executor = DraftExecutor(url: "")
        executor.model = Self.ours(engineName)
        executor.kind = provider.kind
        guard let base else {
            guard let url = provider.url else {
                notes.lost(what, "'\(name)' needs an api_base, which is missing", at: model.position)
                return nil
            }
            executor.url = url
            executor.apiKey = key(parameters, model: id) ?? provider.keyVariable.map { "${\($0)}" }
            if executor.kind == .auto { executor.kind = nil }
            return executor
        }
        let address = ExecutorAddress(Self.ours(base.text))
        let isUsable = address.isUsable(
            as: parameters.name(of: "api_base"),
            at: base.position,
            isWithoutV1: provider.isWithoutV1,
            notes: notes
        )
        guard isUsable else { return nil }
        executor.url = address.text
        // A URL with `https` is taken for a remote API, so an unknown kind and `ollama` become `openai`. With `http`, a
        // deployment of the provider `openai` may be any engine that has OpenAI's API, so its kind is unknown.
        if address.isSecure {
            if provider.kind == .auto || provider.kind == .ollama { executor.kind = .openai }
        } else if provider.kind == .openai {
            executor.kind = .auto
        }
        executor.apiKey = key(parameters, model: id)
        if executor.kind == .auto { executor.kind = nil }
        return executor
    }

    /// Returns the provider of a deployment, and the engine's name for the model.
    ///
    /// If the provider is unknown or not supported, or if the model has no name, the function adds a note and returns
    /// nil.
    private func provider(
        of model: ForeignText,
        _ parameters: ForeignSection,
        _ what: String
    ) -> (name: String, provider: LiteLLMProvider, engineName: String)? {
        let name: String
        let engineName: String
        if let custom = parameters.text("custom_llm_provider") {
            name = custom.text
            engineName = model.text.hasPrefix(name + "/") ? String(model.text.dropFirst(name.count + 1)) : model.text
        } else if Self.variable(in: model.text) == nil, let slash = model.text.firstIndex(of: "/") {
            name = String(model.text[..<slash])
            engineName = String(model.text[model.text.index(after: slash)...])
        } else if let guessed = LiteLLMProvider.guessed(for: model.text) {
            (name, engineName) = (guessed, model.text)
        } else {
            notes.lost(what, "has no provider before a '/', and is not known without one", at: model.position)
            return nil
        }
        guard let provider = LiteLLMProvider.named(name) else {
            let shown = ForeignDocument.printable(name)
            let why =
                "'\(shown)' has an API of its own; this server speaks OpenAI's and Anthropic's only"
            notes.lost(what, why, at: model.position)
            return nil
        }
        guard !engineName.isEmpty else {
            notes.lost(what, "has no name behind its provider", at: model.position)
            return nil
        }
        if provider.kind == .anthropic {
            let how = "requests are not translated: clients use Anthropic's API, or what it understands of OpenAI's"
            notes.changed(what, how, at: model.position)
        }
        return (name, provider, engineName)
    }

    /// Returns the reference to the API key of a deployment, such as `${NAME}`; nil if the deployment has no usable
    /// key.
    private mutating func key(_ parameters: ForeignSection, model: String) -> String? {
        guard let found = parameters.text("api_key") else { return nil }
        if let name = Self.variable(in: found.text) { return "${\(name)}" }
        let what = parameters.name(of: "api_key")
        if found.text.hasPrefix("os.environ/") {
            notes.lost(
                what,
                "the name of its variable has other characters than letters, digits and '_'",
                at: found.position
            )
            return nil
        }
        if SecretReferences.isPlaceholder(found.text) {
            notes.lost(what, SecretReferences.placeholderReason, at: found.position)
            return nil
        }
        let variable = secrets.variable(for: found.text, model: model)
        notes.changed(what, "the key stands in clear text: set it as \(variable)", at: found.position)
        return "${\(variable)}"
    }
}
