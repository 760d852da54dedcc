// A file that lists executors of a model (`executors_from`). The server reads the file together with the configuration,
// and again whenever the file changes.

/// A YAML file with executors of a model, besides the executors in the configuration file.
package struct ExecutorFile: Sendable, Equatable {
    /// The largest number of executors that a file may list.
    static let executorsMax = 1000
    /// The largest size of the file in bytes; a larger file is an error.
    static let bytesMax = 1 << 20
    static let expected = "a list of executors: '- url: http://HOST:PORT'"

    /// The path of the file.
    package var path: String
    /// Whether the file may list no executor; otherwise an empty list is an error.
    package var allowsEmpty = false

    /// Makes the settings for the file at this path.
    package init(path: String, allowsEmpty: Bool = false) {
        self.path = path
        self.allowsEmpty = allowsEmpty
    }

    /// Reads the executors from the contents of the file, for a server that runs with `configuration`.
    ///
    /// - Parameters:
    ///   - bytes: The contents of the file.
    ///   - environment: The variables that `${VAR}` may name.
    ///   - readFile: Returns the bytes of a file that a value refers to by `${file:PATH}`.
    ///   - checkFile: Returns why a file of certificate authorities cannot be read; nil if it can be.
    ///   - inspection: Checks the certificate authorities, and returns the addresses of this machine.
    /// - Returns: The executors, possibly an empty list, or all errors with their positions.
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
    /// Reads the key `executors_from`, whose value is a path, or a section with `file` and `allow_empty`.
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

    /// Reads a file of executors, and returns its entries.
    ///
    /// If the file cannot be read or used, the function reports an error and returns nil.
    ///
    /// - Parameter key: The key that names the file (`executors_from`). If the file cannot be read, the error is
    ///   reported at the position of this key's value.
    func sections(of file: ExecutorFile, at key: String) -> [ConfigurationSection]? {
        let reader = ConfigurationReader(file: file.path, importedBy: reader)
        guard let bytes = contents(of: reader, at: key) else { return nil }
        let item = ConfigurationSection([], path: "\(name(of: "executors"))[]", position: position, reader: reader)
        return reader.sections(of: bytes, of: file, as: item)
    }
}

extension ConfigurationReader {
    /// Returns the entries in the contents of a file of executors.
    ///
    /// If the contents are not valid, the function reports an error and returns nil.
    ///
    /// - Parameters:
    ///   - bytes: The contents of the file.
    ///   - item: A section whose path, such as `models[].executors[]`, error messages use as the name of each entry.
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
