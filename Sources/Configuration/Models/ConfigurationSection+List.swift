// Reads a further file that contains a list: models in a file of `import`, or executors in a file of `executors_from`.

extension ConfigurationSection {
    /// Returns the items of a YAML file that contains a list; an empty array for an empty file.
    ///
    /// Returns nil after an error, which is reported at `key` if the file cannot be read, and otherwise at its position
    /// in the file.
    ///
    /// - Parameters:
    ///   - reader: The reader of the file.
    ///   - key: The key whose value is the path of the file.
    func items(of reader: ConfigurationReader, at key: String, expecting expected: String) -> [ConfigurationNode]? {
        contents(of: reader, at: key).flatMap { reader.items(of: $0, expecting: expected) }
    }

    /// Returns the bytes of the file of `reader`; if it cannot be read, reports an error at `key` and returns nil.
    func contents(of reader: ConfigurationReader, at key: String) -> [UInt8]? {
        switch reader.readFile(reader.file) {
        case .success(let bytes): return bytes
        case .failure(let problem):
            report(key, "cannot read \(Self.printable(reader.file)): \(problem)")
            return nil
        }
    }
}

extension ConfigurationReader {
    /// Parses `bytes` as a YAML list and returns its items; an empty array for an empty file.
    ///
    /// Reports an error and returns nil if the file is not valid YAML or does not contain a list.
    func items(of bytes: [UInt8], expecting expected: String) -> [ConfigurationNode]? {
        noteVariables(in: String(decoding: bytes, as: UTF8.self))
        let problemsBefore = problems.count
        var document = ConfigurationDocument(environment: environment, reader: self)
        guard let root = document.parse(bytes) else {
            // `parse` returns nil for an empty file, and for invalid YAML, which it has reported.
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
