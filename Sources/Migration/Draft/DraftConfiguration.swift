// A configuration of this server while `import` or `configure` makes it, before it is written as YAML.
internal import Configuration

/// What the written file will have.
///
/// Texts are in the syntax of our file: `${NAME}` stands for an environment variable, `$${` for the characters `${`.
struct DraftConfiguration {
    /// Lines of the comment at the top of the file.
    var heading: [String] = []
    /// Environment variables that must be set, in the order of the file, and what each holds.
    var variables: [DraftVariable] = []
    /// Duration of `timeouts.first_event`, such as `60s`; nil leaves the default.
    var firstEvent: String?
    /// Duration of `timeouts.response`; nil leaves the default.
    var response: String?
    var models: [DraftModel] = []

    /// Returns a text of another program as our file has it: without references to variables.
    static func literal(_ text: String) -> String {
        guard text.contains("${") else { return text }
        return text.split(separator: "${", omittingEmptySubsequences: false).joined(separator: "$${")
    }
}

/// An environment variable that the written file refers to.
struct DraftVariable {
    var name: String
    /// What it must hold, as the comment says.
    var purpose: String
}

/// One model.
struct DraftModel {
    var id: String
    var aliases: [DraftName] = []
    var fallbacks: [DraftName] = []
    var firstEvent: String?
    var response: String?
    /// Keys of the catalog with their values as YAML, in the order of the file.
    var catalog: [(key: String, yaml: String)] = []
    var executors: [DraftExecutor] = []
    /// Where the model is in the input.
    var position = Position()
    /// Lines of a comment before the model.
    var comments: [String] = []

    init(id: String, position: Position = Position()) {
        self.id = id
        self.position = position
    }

    func has(_ key: String) -> Bool { catalog.contains { $0.key == key } }

    /// Sets a key of the catalog unless it has a value already.
    ///
    /// - Returns: false if it has another value.
    @discardableResult
    mutating func set(_ key: String, _ yaml: String) -> Bool {
        if let found = catalog.first(where: { $0.key == key }) { return found.yaml == yaml }
        catalog.append((key, yaml))
        return true
    }
}

/// A name of a model, and where the input has it.
struct DraftName {
    var name: String
    var position: Position
}

/// One executor of a model.
struct DraftExecutor {
    var url: String
    /// The executor's name for the model; nil means the model's id.
    var model: String?
    /// nil leaves it to the default, `auto`.
    var kind: ExecutorSettings.Kind?
    var weight: Int?
    /// A reference to an environment variable.
    var apiKey: String?
    var maxRunning: Int?
    /// Where the executor is in the input.
    var position = Position()
    /// Lines of a comment before the executor.
    var comments: [String] = []
}
