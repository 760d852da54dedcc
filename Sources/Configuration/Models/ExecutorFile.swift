// A file with executors of a model (`executors_from`), which is read with the configuration and followed afterwards.

/// A YAML file whose list of executors is added to those of a model.
package struct ExecutorFile: Sendable, Equatable {
    /// The most executors that a file may list.
    static let executorsMax = 1000
    /// The largest file that is read, in bytes.
    static let bytesMax = 1 << 20
    static let expected = "a list of executors: '- url: http://HOST:PORT'"

    /// The path of the file.
    package var path: String
    /// Whether a list without executors is taken; otherwise it counts as a mistake.
    package var allowsEmpty = false

    /// A file at this path.
    package init(path: String, allowsEmpty: Bool = false) {
        self.path = path
        self.allowsEmpty = allowsEmpty
    }

    /// Reads the file as it is now, for a server that runs with `configuration`.
    ///
    /// - Parameters:
    ///   - bytes: The contents of the file.
    ///   - environment: The variables that `${VAR}` may name.
    ///   - readFile: Reads the files that values name by `${file:PATH}`.
    ///   - checkFile: Returns why a file of certificate authorities cannot be read; nil if it can be.
    ///   - inspection: Checks these authorities, and knows this machine's addresses.
    /// - Returns: The executors, which may be none, or every error with its place.
    package func read(
        _ bytes: [UInt8],
        for configuration: Configuration,
        environment: [String: String],
        readFile: @escaping (String) -> Result<[UInt8], FileProblem> = SystemFiles.read,
        checkFile: @escaping (String) -> FileProblem? = SystemFiles.check,
        inspection: FileInspection = .ofFiles()
    ) -> Result<[ExecutorSettings], ConfigurationErrors> {
        let reader = ConfigurationReader(file: path, readFile: readFile, checkFile: checkFile, inspection: inspection)
        reader.environment = environment
        reader.certificateNotice = configuration.certificateNotice.components.seconds
        let models = configuration.models.filter { $0.executorFile?.path == path }
        var engines = EngineClaims(own: OwnAddresses(configuration, inspection))
        var weights = models.flatMap(\.executors).reduce(0) { $0 + $1.weight }
        let item = ConfigurationSection([], path: "models[].executors[]", position: Position(), reader: reader)
        let sections = reader.sections(of: bytes, of: self, as: item) ?? []
        let executors = ExecutorSettings.read(sections, beside: [], weights: &weights, engines: &engines)
        if weights == 0, !sections.isEmpty {
            reader.report("all weights are 0, so that no executor would be chosen", at: Position())
        }
        return reader.problems.isEmpty ? .success(executors) : .failure(reader.errors)
    }
}

extension ConfigurationSection {
    /// Reads a file of executors: a path, or a section with `file` and `allow_empty`.
    func executorFile(_ key: String) -> ExecutorFile? {
        guard let node = node(key) else { return nil }
        guard case .mapping = node.kind else {
            return text(key, expecting: "the path of a file").map { ExecutorFile(path: reader.resolve($0)) }
        }
        guard let section = section(key) else { return nil }
        let path = section.text("file", expecting: "the path of a file")
        section.requireKey("file", expecting: "the path of a file")
        var file = ExecutorFile(path: reader.resolve(path ?? ""))
        section.read("allow_empty", &file.allowsEmpty)
        section.finish()
        return path == nil ? nil : file
    }

    /// Returns the entries of a file of executors; nil if it cannot be used, which is reported.
    ///
    /// - Parameter key: The key that names the file.
    func sections(of file: ExecutorFile, at key: String) -> [ConfigurationSection]? {
        let reader = ConfigurationReader(file: file.path, importedBy: reader)
        switch reader.readFile(file.path) {
        case .failure(let problem):
            report(key, "cannot read \(Self.printable(file.path)): \(problem)")
            return nil
        case .success(let bytes):
            let item = ConfigurationSection([], path: "\(name(of: "executors"))[]", position: position, reader: reader)
            return reader.sections(of: bytes, of: file, as: item)
        }
    }
}

extension ConfigurationReader {
    /// Returns the entries of a file of executors; nil if there is an error, which is reported.
    ///
    /// - Parameters:
    ///   - bytes: The contents of the file.
    ///   - item: A section that has the name of the entries in messages.
    fileprivate func sections(
        of bytes: [UInt8],
        of file: ExecutorFile,
        as item: ConfigurationSection
    ) -> [ConfigurationSection]? {
        guard bytes.count <= ExecutorFile.bytesMax else {
            report("is larger than \(ExecutorFile.bytesMax >> 10) KiB", at: Position())
            return nil
        }
        guard let items = items(of: bytes, expecting: ExecutorFile.expected) else { return nil }
        guard !items.isEmpty || file.allowsEmpty else {
            report("lists no executor; `allow_empty: true` beside `file` allows that", at: Position())
            return nil
        }
        guard items.count <= ExecutorFile.executorsMax else {
            report("lists \(items.count) executors, more than \(ExecutorFile.executorsMax)", at: Position())
            return nil
        }
        return items.compactMap { item.imported($0, reader: self) }
    }
}
