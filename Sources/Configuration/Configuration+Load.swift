// Loads a configuration: parses the file into a tree, makes a `Configuration` from the tree, and collects all errors.

extension Configuration {
    /// Reads and checks a configuration file, and the files that it imports.
    ///
    /// The environment and all other files are parameters, so that tests can replace them.
    ///
    /// - Parameters:
    ///   - path: The file. Relative paths in the file are resolved against the folder of the file.
    ///   - environment: The variables that `${VAR}` may name.
    ///   - readFile: Returns the bytes of a file.
    ///   - checkFile: Returns why a file that the configuration names (a certificate, a key) cannot be read; nil if it
    ///     can be read.
    ///   - filesMatching: Returns the files that match a pattern, or that are in a folder; nil for the path of one
    ///     file.
    ///   - inspection: Checks the contents of certificates, private keys and key files.
    /// - Returns: The configuration with its warnings, or all errors with the warnings.
    package static func load(
        path: String,
        environment: [String: String] = SystemFiles.environment(),
        readFile: @escaping (String) -> Result<[UInt8], FileProblem> = SystemFiles.readOnce,
        checkFile: @escaping (String) -> FileProblem? = SystemFiles.check,
        filesMatching: @escaping (String) -> [String]? = SystemFiles.matching,
        inspection: FileInspection = .none
    ) -> Result<Configuration, ConfigurationErrors> {
        let reader = ConfigurationReader(
            file: path,
            readFile: readFile,
            checkFile: checkFile,
            filesMatching: filesMatching,
            inspection: inspection
        )
        switch readFile(path) {
        case .failure(let problem):
            reader.report("the file cannot be read: \(problem)", at: Position())
            return .failure(reader.errors)
        case .success(let bytes):
            return load(bytes: bytes, environment: environment, reader: reader)
        }
    }

    /// Reads and checks the main file, whose contents are `bytes` and whose path is `reader.file`.
    static func load(
        bytes: [UInt8],
        environment: [String: String],
        reader: ConfigurationReader
    ) -> Result<Configuration, ConfigurationErrors> {
        reader.environment = environment
        reader.noteVariables(in: String(decoding: bytes, as: UTF8.self))
        var document = ConfigurationDocument(environment: environment, reader: reader)
        let root = document.parse(bytes)
        // `parse` has already reported invalid YAML. An empty file is read as a section without keys.
        if root == nil, !reader.problems.isEmpty { return .failure(reader.errors) }
        let empty = ConfigurationNode(position: Position(), kind: .mapping([]))
        let section = ConfigurationSection(root: root ?? empty, reader: reader)
        guard var configuration = section.map({ Configuration(reading: $0) }), reader.problems.isEmpty else {
            return .failure(reader.errors)
        }
        configuration.warnings = reader.warnings
        if let root { configuration.outline.add(root) }
        configuration.outline.add(models: reader.importedModels)
        configuration.variables = reader.variables
        configuration.listedExecutors = reader.executorLists
        return .success(configuration)
    }

    /// Reads all sections of the file.
    ///
    /// The order matters: if the check of one section needs a value of another section, the other section is read
    /// first.
    private init(reading root: ConfigurationSection) {
        self.init(listeners: [], models: [])
        root.read("certificate_notice", &certificateNotice, in: .zero ... .seconds(365 * 86_400))
        root.reader.certificateNotice = certificateNotice.components.seconds
        let listeners = ListenerSettings.readAll(from: root)
        self.listeners = listeners.map(\.settings)
        readAdmin(from: root, beside: listeners)
        workers = Self.workers(from: root)
        gather = Self.gather(from: root)
        root.read("poller", &poller)
        root.read(bytes: "memory_limit", &memoryLimitBytes, in: 16 << 20...1 << 40)
        root.read(count: "max_connections", &maxConnections, in: 1...1_000_000)
        root.read("lame_duck", &lameDuck, in: .zero ... .seconds(3600))
        root.read("drain_timeout", &drainTimeout, in: .zero ... .seconds(3600))
        root.read("upgrade_drain", &upgradeDrain, in: .zero ... .seconds(86_400))
        root.read(count: "upgrade_generations", &upgradeGenerations, in: 1...7)
        root.read("upgrade_timeout", &upgradeTimeout, in: .seconds(1) ... .seconds(600))
        root.read("commit_after", &commitAfter, in: .milliseconds(10) ... .seconds(3600))
        root.read("keep_alive", &keepAlive, in: .milliseconds(10) ... .seconds(600))
        root.read("json_keep_alive", &jsonKeepAlive)
        root.read(count: "max_loops", &maxLoops, in: 1...100)
        if let section = root.section("timeouts") { timeouts.read(from: section) }
        readLimits(from: root)
        warnOfIdleConnections(root)
        readAdmission(from: root)
        readAuthentication(from: root)
        inspectKeys(from: root, listeners: listeners)
        readLedger(from: root)
        readCORS(from: root)
        forward = ForwardSettings(reading: root)
        stripBilling = root.flag("strip_billing")
        readSessionFields(from: root)
        dialects = root.dialects()
        readLog(from: root)
        (models, discoveries) = ModelSettings.readAll(from: root, own: OwnAddresses(self, root.reader.inspection))
        root.finish()
    }
}
