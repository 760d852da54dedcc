// Reading `- import: FILE` in the list of models: a file with further models; errors in it are reported at their
// positions in that file.

extension ConfigurationReader {
    /// The most imports between the main file and any other file.
    static let importDepthMax = 8
    /// The most files that a configuration may import.
    static let importsMax = 256
}

extension ConfigurationSection {
    /// Returns the models of the file that this entry imports; nil if this entry imports no file.
    ///
    /// Relative paths in the imported file start in the folder of that file.
    func importedModels() -> [ConfigurationSection]? {
        guard let scalar = scalar("import", expecting: "the path of a file with a list of models") else {
            return has("import") ? [] : nil
        }
        reportKeys(beside: "import")
        guard let reader = reader.importing(scalar, of: self) else { return [] }
        var document = ConfigurationDocument(environment: reader.environment, reader: reader)
        let path = reader.file
        switch reader.readFile(path) {
        case .failure(let problem):
            let message = "\(name(of: "import")): cannot read \(Self.printable(path)): \(problem)"
            self.reader.report(message, at: scalar.position)
            return []
        case .success(let bytes):
            reader.noteVariables(in: String(decoding: bytes, as: UTF8.self))
            let problems = reader.problems.count
            let root = document.parse(bytes)
            guard case .sequence(let items)? = root?.kind, !items.isEmpty else {
                // If the file is not valid YAML, that has been reported already.
                if root != nil || reader.problems.count == problems {
                    let message = "expected a list of models: '- id: NAME' with its executors"
                    reader.report(message, at: root?.position ?? Position())
                }
                return []
            }
            reader.noteImported(items)
            return items.flatMap { item -> [ConfigurationSection] in
                guard let section = imported(item, reader: reader) else { return [] }
                return section.importedModels() ?? [section]
            }
        }
    }

    /// Reports every key except the given one.
    private func reportKeys(beside key: String) {
        for entry in entries where entry.key != key {
            let message = "key '\(Self.printable(entry.key))' beside '\(key)': an entry that imports has no other key"
            reader.report(message, at: entry.keyPosition)
        }
    }
}

extension ConfigurationReader {
    /// Returns the reader of a file to import; nil, and an error is reported, if it must not be imported.
    fileprivate func importing(
        _ scalar: ConfigurationSection.Scalar,
        of section: ConfigurationSection
    ) -> ConfigurationReader? {
        let path = resolve(scalar.text)
        let name = section.name(of: "import")
        let shown = ConfigurationSection.printable(path)
        if files.contains(path) {
            report("\(name): \(shown) is imported already, or imports itself", at: scalar.position)
            return nil
        }
        guard importDepth < Self.importDepthMax else {
            report("\(name): files import each other more than \(Self.importDepthMax) deep", at: scalar.position)
            return nil
        }
        guard files.count <= Self.importsMax else {
            report("\(name): more than \(Self.importsMax) files are imported", at: scalar.position)
            return nil
        }
        return ConfigurationReader(file: path, importedBy: self)
    }
}
