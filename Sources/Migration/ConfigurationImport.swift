// Converts the configuration file of another gateway into a configuration of this server. The contents of the file show
// which gateway it belongs to.
internal import Configuration

/// The result of the import of a file.
package struct ConfigurationImport: Sendable {
    /// The configuration, in YAML with comments.
    ///
    /// `freeinference check` finds no error in the configuration after the operator has set its environment variables.
    package let yaml: String
    /// The number of models in the configuration, at least one.
    package let modelCount: Int
    /// The name of the program whose file was imported, such as LiteLLM.
    package let program: String
    /// Environment variables that the operator must set, because the imported file has their values in clear text.
    package let variablesToSet: [String]
    /// The notes about settings that were left out or changed, sorted by their position in the imported file.
    package let notes: [MigrationNote]

    /// The reason why the import produced no configuration.
    package struct Failure: Error, Sendable, CustomStringConvertible {
        /// The reason in one or more lines, as they are printed.
        package let description: String
        /// The notes that the import had made before it failed.
        package var notes: [MigrationNote] = []
    }

    /// Converts a file of FreeInference (`models.yaml`) or LiteLLM (`config.yaml`) into a configuration of this server.
    ///
    /// - Parameters:
    ///   - bytes: The contents of the file.
    ///   - path: The path of the file, as messages show it.
    package init(_ bytes: [UInt8], path: String) throws(Failure) {
        let root: ConfigurationNode
        switch ForeignDocument.parse(bytes, path: path) {
        case .failure(let errors): throw Failure(description: errors.description)
        case .success((nil, _)): throw Failure(description: "\(path): is empty; \(Self.expected)")
        case .success((let node?, _)): root = node
        }
        let notes = MigrationNotes(file: path)
        var draft: DraftConfiguration
        let secrets: SecretReferences
        switch try Self.form(of: root, path: path, notes: notes) {
        case .freeInference(let models, let rest):
            program = "FreeInference"
            (draft, secrets) = FreeInferenceImport.draft(models, rest: rest, notes: notes)
        case .liteLLM(let section):
            program = "LiteLLM"
            (draft, secrets) = LiteLLMImport.draft(section, notes: notes)
        }
        let environment = draft.settle(notes)
        guard !draft.models.isEmpty else {
            throw Failure(description: "\(path): none of its models can be carried over", notes: notes.sorted)
        }
        draft.describe(program: program, path: path, environment: environment, secrets: secrets)
        yaml = draft.yaml()
        modelCount = draft.models.count
        let referred = Set(environment.values.keys)
        variablesToSet = secrets.named.map(\.variable).filter { referred.contains($0) }
        self.notes = notes.sorted
        if let problem = Self.problem(with: yaml, environment: environment) {
            let why = "what came out would not pass `freeinference check`"
            throw Failure(description: "\(path): \(why): \(problem)", notes: self.notes)
        }
    }

    private static let expected = """
        expected FreeInference's models.yaml (a list 'models:' of entries with 'id' and 'route') or LiteLLM's \
        config.yaml (a list 'model_list:' of entries with 'model_name' and 'litellm_params')
        """

    private enum Form {
        case freeInference(models: [ConfigurationNode], rest: ForeignSection?)
        case liteLLM(ForeignSection)
    }

    private static func form(
        of root: ConfigurationNode,
        path: String,
        notes: MigrationNotes
    ) throws(Failure) -> Form {
        if case .sequence(let items) = root.kind, items.contains(where: isFreeInferenceModel) {
            return .freeInference(models: items, rest: nil)
        }
        guard let section = ForeignSection(root, path: "", notes: notes) else {
            throw Failure(description: "\(path): is of an unknown form; \(expected)")
        }
        if section.has("model_list") { return .liteLLM(section) }
        let liteLLMSections = ["litellm_settings", "router_settings", "general_settings"]
        if let found = liteLLMSections.first(where: section.has) {
            let why = "has '\(found)' of LiteLLM, but no 'model_list': its models are in another file or a database"
            throw Failure(description: "\(path): \(why)")
        }
        if section.has("local_deployment") || section.has("remote_deployment") || section.has("routing_parameter") {
            let why = "is FreeInference's routing.yaml; its models are in models.yaml, which can be imported"
            throw Failure(description: "\(path): \(why)")
        }
        guard case .sequence(let items)? = section.node("models")?.kind else {
            throw Failure(description: "\(path): is of an unknown form; \(expected)")
        }
        if items.contains(where: { keys(of: $0).contains("executors") }) {
            throw Failure(description: "\(path): is a configuration of this server already")
        }
        guard items.contains(where: isFreeInferenceModel) else {
            throw Failure(description: "\(path): has a list 'models' of an unknown form; \(expected)")
        }
        return .freeInference(models: items, rest: section)
    }

    private static func isFreeInferenceModel(_ node: ConfigurationNode) -> Bool {
        let keys = keys(of: node)
        return keys.contains("id") && !keys.isDisjoint(with: ["route", "base_url", "provider", "provider_model_id"])
    }

    private static func keys(of node: ConfigurationNode) -> Set<String> {
        guard case .mapping(let entries) = node.kind else { return [] }
        return Set(entries.map(\.key))
    }

    /// Returns the first error that `freeinference check` would find in `yaml`; nil if there is none.
    ///
    /// - Parameter environment: The variables to which the configuration refers, each with a placeholder as its value.
    static func problem(with yaml: String, environment: PlaceholderEnvironment) -> String? {
        let result = Configuration.load(
            path: "the configuration",
            environment: environment.values,
            readFile: { path in
                path == "the configuration" ? .success(Array(yaml.utf8)) : .failure(FileProblem("No such file"))
            },
            checkFile: { _ in nil }
        )
        guard case .failure(let errors) = result else { return nil }
        return errors.problems.first.map(\.description) ?? "it is not a configuration"
    }
}

extension DraftConfiguration {
    /// Sets the draft's heading, and its list of the environment variables to which the configuration refers.
    fileprivate mutating func describe(
        program: String,
        path: String,
        environment: PlaceholderEnvironment,
        secrets: SecretReferences
    ) {
        heading = [
            "Configuration of FreeInference Edge, made by `freeinference import` from \(program)'s \(path).",
            "What could not be carried over was printed then. Every key is explained in docs/configuration.md.",
            "Look through it, run `freeinference check --config THIS_FILE`, then `freeinference serve`.",
        ]
        var models: [String: String] = [:]
        for (variable, model) in secrets.named { models[variable] = model }
        variables = environment.values.keys.sorted().map { name in
            let purpose = models[name].map { "the key that stood in clear text in the input, for model \($0)" }
            return DraftVariable(name: name, purpose: purpose ?? "as in the input")
        }
    }
}
