// The state of one configuration file while it is read, and the errors and warnings in all files so far.

/// Collects the errors and warnings of one file, and reads the other files to which the file refers.
///
/// An imported file has a separate reader, which adds its errors and warnings to those of the importing file. A reader
/// is confined to the thread that loads the configuration.
final class ConfigurationReader {
    /// The errors, warnings and other findings in all files of a configuration.
    private final class Findings {
        var problems: [ConfigurationProblem] = []
        var warnings: [ConfigurationProblem] = []
        /// Every key that was looked up, such as `listeners[].address`.
        ///
        /// A test compares these keys with the documentation.
        var knownKeys: Set<String> = []
        /// The values that messages must not show, because they come from `${NAME}` or `${file:PATH}` and may be
        /// secret.
        ///
        /// The key of each value is `NAME` or `file:PATH`.
        var expandedVariables: [String: String] = [:]
        /// Every environment variable to which a value in a file refers.
        var variables: Set<String> = []
        /// The models of all imported files.
        var importedModels: [ConfigurationNode] = []
        /// The executors of each file that a key `executors_from` names, by the path of the file.
        var executorLists: [String: [ExecutorSettings]] = [:]
        /// The time before the expiry of a certificate at which warnings begin, in seconds.
        var certificateNotice: Int64 = 0
        /// The paths of the files, in the order in which the files were opened.
        var files: [String]

        init(file: String) {
            files = [file]
        }
    }

    /// The path of the file, as messages show it.
    let file: String
    /// Returns the bytes of a file, or the reason why the file cannot be read.
    let readFile: (String) -> Result<[UInt8], FileProblem>
    /// Returns the reason why a file cannot be read; nil if it can be read.
    let checkFile: (String) -> FileProblem?
    let inspection: FileInspection
    /// Returns the files that match a pattern or are in a folder, sorted by their paths; nil if the argument is neither
    /// a pattern nor a folder.
    let filesMatching: (String) -> [String]?
    /// The environment from which `${VAR}` is expanded.
    var environment: [String: String] = [:]
    /// How many imports lead from the main file to this file: 0 for the main file, 1 for a file that it imports.
    let importDepth: Int
    private let findings: Findings

    init(
        file: String,
        readFile: @escaping (String) -> Result<[UInt8], FileProblem> = SystemFiles.read,
        checkFile: @escaping (String) -> FileProblem?,
        filesMatching: @escaping (String) -> [String]? = { _ in nil },
        inspection: FileInspection = .none
    ) {
        self.file = file
        self.readFile = readFile
        self.checkFile = checkFile
        self.filesMatching = filesMatching
        self.inspection = inspection
        importDepth = 0
        findings = Findings(file: file)
    }

    /// Makes the reader of a file that the file of `reader` imports.
    init(file: String, importedBy reader: ConfigurationReader) {
        self.file = file
        readFile = reader.readFile
        checkFile = reader.checkFile
        filesMatching = reader.filesMatching
        inspection = reader.inspection
        environment = reader.environment
        importDepth = reader.importDepth + 1
        findings = reader.findings
        findings.files.append(file)
    }

    // MARK: Findings

    /// The errors of all files so far, in the order in which they were found.
    var problems: [ConfigurationProblem] { findings.problems }
    var knownKeys: Set<String> { findings.knownKeys }
    var files: [String] { findings.files }
    /// The errors and warnings of all files, sorted by their position.
    var errors: ConfigurationErrors { ConfigurationErrors(problems, warnings: findings.warnings, files: files) }
    /// The warnings of all files, sorted by their position.
    var warnings: [ConfigurationProblem] { ConfigurationErrors([], warnings: findings.warnings, files: files).all }

    /// The time before the expiry of a certificate at which warnings begin, in seconds (`certificate_notice`).
    var certificateNotice: Int64 {
        get { findings.certificateNotice }
        set { findings.certificateNotice = newValue }
    }
    /// The environment variables to which values in the files refer, sorted.
    var variables: [String] { findings.variables.sorted() }
    /// The models of all imported files, in the order in which the files were opened.
    var importedModels: [ConfigurationNode] { findings.importedModels }

    /// The executors that were read from the files that `executors_from` names, by the path of the file.
    var executorLists: [String: [ExecutorSettings]] { findings.executorLists }

    /// Stores the executors that were read from a file that `executors_from` names.
    func noteListed(_ executors: [ExecutorSettings], in path: String) { findings.executorLists[path] = executors }

    /// Stores the models that were read from an imported file.
    func noteImported(_ models: [ConfigurationNode]) { findings.importedModels += models }

    /// Stores the names of the environment variables to which a value in the file refers.
    func noteVariables(ofValue names: [String]) { findings.variables.formUnion(names) }

    func noteLookup(of key: String) { findings.knownKeys.insert(key) }

    /// Records an error.
    ///
    /// A configuration with an error is not used.
    func report(_ message: String, at position: Position) {
        findings.problems.append(problem(message, at: position))
    }

    /// Records a warning about a probable mistake.
    ///
    /// A configuration with warnings can be used.
    func warn(_ message: String, at position: Position) {
        findings.warnings.append(problem("warning: \(message)", at: position))
    }

    /// Records errors that were found in another file, such as a file of API keys; their positions are in that file.
    func report(_ problems: [ConfigurationProblem]) { findings.problems += problems }

    private func problem(_ message: String, at position: Position) -> ConfigurationProblem {
        ConfigurationProblem(
            file: file,
            line: position.line,
            column: position.column,
            message: Self.singleLine(redactingVariables(in: message))
        )
    }

    /// Escapes control characters, and cuts the message after 1024 Unicode scalars.
    private static func singleLine(_ message: String) -> String {
        var result = ""
        for scalar in message.unicodeScalars.prefix(1024) {
            if scalar.properties.generalCategory == .control {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Replaces each value that comes from an environment variable or a file by its reference, such as `${NAME}`.
    ///
    /// Any such value may be a secret.
    private func redactingVariables(in message: String) -> String {
        var result = message
        for (name, value) in findings.expandedVariables where result.contains(value) {
            result = result.split(separator: value, omittingEmptySubsequences: false).joined(separator: "${\(name)}")
        }
        return result
    }

    // MARK: Environment and paths

    /// Stores the values of the environment variables to which a file refers, so that messages do not show them.
    func noteVariables(in text: String) {
        for (name, value) in environment where value.utf8.count >= Self.secretLengthMin && text.contains("${\(name)") {
            findings.expandedVariables[name] = value
        }
    }

    /// Reads a file to which a value refers as `${file:PATH}`, and stores the contents so that messages do not show
    /// them.
    func readSecret(_ path: String) -> Result<[UInt8], FileProblem> {
        let read = readFile(resolve(path))
        if case .success(let bytes) = read {
            let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isNewline }
            if text.utf8.count >= Self.secretLengthMin { findings.expandedVariables["file:\(path)"] = text }
        }
        return read
    }

    /// The smallest length in bytes of a value that messages do not show.
    ///
    /// Shorter values are ports and flags, which messages may contain by chance.
    private static let secretLengthMin = 6

    /// Returns the path of a file that the configuration names.
    ///
    /// A relative path is resolved against the folder of this configuration file.
    func resolve(_ path: String) -> String {
        guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
        return file[...slash] + path
    }
}
