// A configuration of this server that `freeinference import` or `configure` is making, before it is written as YAML.
internal import Configuration

/// The contents of the configuration file that will be written.
///
/// Texts are in the syntax of that file: `${NAME}` stands for an environment variable, `$${` for the characters `${`.
struct DraftConfiguration {
    /// Lines of the comment at the top of the file.
    var heading: [String] = []
    /// The environment variables that the operator must set, sorted by name.
    var variables: [DraftVariable] = []
    /// The duration `timeouts.first_event`, such as `60s`; nil for the default.
    var firstEvent: String?
    /// The duration `timeouts.response`, such as `600s`; nil for the default.
    var response: String?
    var models: [DraftModel] = []

    /// Escapes every `${` in a text of another program, so that the text does not refer to a variable.
    static func literal(_ text: String) -> String {
        guard text.contains("${") else { return text }
        return text.split(separator: "${", omittingEmptySubsequences: false).joined(separator: "$${")
    }
}

/// An environment variable that the written file refers to.
struct DraftVariable {
    var name: String
    /// The purpose of the variable, as a comment in the written file describes it.
    var purpose: String
}

/// One model of the configuration file.
struct DraftModel {
    var id: String
    var aliases: [DraftName] = []
    var fallbacks: [DraftName] = []
    var firstEvent: String?
    var response: String?
    /// The settings that `/v1/models` shows, such as `context_length`, in the order in which they will be written;
    /// `yaml` is the value.
    var catalog: [(key: String, yaml: String)] = []
    var executors: [DraftExecutor] = []
    /// The position of the model in the imported file.
    var position = Position()
    /// The lines of the comment that is written before the model.
    var comments: [String] = []

    init(id: String, position: Position = Position()) {
        self.id = id
        self.position = position
    }

    func has(_ key: String) -> Bool { catalog.contains { $0.key == key } }

    /// Sets a setting in `catalog` unless the setting already has a value.
    ///
    /// - Returns: false if the setting already has a different value.
    @discardableResult
    mutating func set(_ key: String, _ yaml: String) -> Bool {
        if let found = catalog.first(where: { $0.key == key }) { return found.yaml == yaml }
        catalog.append((key, yaml))
        return true
    }
}

/// A name of a model, and the position of the name in the imported file.
struct DraftName {
    var name: String
    var position: Position
}

/// One executor of a model.
struct DraftExecutor {
    var url: String
    /// The executor's name for the model; nil means the model's id.
    var model: String?
    /// The executor's setting `kind`; nil for the default, `auto`.
    var kind: ExecutorSettings.Kind?
    var weight: Int?
    /// A reference to the environment variable with the API key, such as `${NAME}`; nil if the executor has no key.
    var apiKey: String?
    var maxRunning: Int?
    /// The position of the executor in the imported file.
    var position = Position()
    /// The lines of the comment that is written before the executor.
    var comments: [String] = []
}
