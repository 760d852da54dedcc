// Reading a file that holds a list, which a key of another file names: imported models, and executors.

extension ConfigurationSection {
    /// Returns the items of a YAML file; none for an empty file.
    ///
    /// Nil if the file cannot be read, which is reported at `key`, or holds something else than a list, which is reported
    /// in the file.
    ///
    /// - Parameters:
    ///   - reader: The reader of the file.
    ///   - key: The key that names the file.
    func items(of reader: ConfigurationReader, at key: String, expecting expected: String) -> [ConfigurationNode]? {
        let path = reader.file
        switch reader.readFile(path) {
        case .failure(let problem):
            report(key, "cannot read \(Self.printable(path)): \(problem)")
            return nil
        case .success(let bytes):
            return reader.items(of: bytes, expecting: expected)
        }
    }
}

extension ConfigurationReader {
    /// Returns the items of the list that the file's bytes hold; none for an empty file.
    ///
    /// Nil if the file is not valid YAML or holds something else than a list, which is reported.
    func items(of bytes: [UInt8], expecting expected: String) -> [ConfigurationNode]? {
        noteVariables(in: String(decoding: bytes, as: UTF8.self))
        let problemsBefore = problems.count
        var document = ConfigurationDocument(environment: environment, reader: self)
        guard let root = document.parse(bytes) else {
            // If the file is not valid YAML, that has been reported.
            return problems.count == problemsBefore ? [] : nil
        }
        switch root.kind {
        case .sequence(let items): return items
        case .scalar(let text, _, true) where ConfigurationSection.isNull(text): return []
        default:
            report("expected \(expected)", at: root.position)
            return nil
        }
    }
}
