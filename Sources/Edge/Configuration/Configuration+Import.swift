// `- import: FILE` among the models: a file with a list of models, whose faults are told at their places in it.

extension ConfigurationReader {
    /// How deep files may import each other.
    static let importDepthMax = 8
    /// How many files a configuration may import.
    static let importsMax = 256
}

extension ConfigurationSection {
    /// The models of the file that an entry imports, in place of the entry; nil where it imports none.
    ///
    /// Paths in that file are relative to it, as this one's are to its own.
    func importedModels() -> [ConfigurationSection]? {
        guard let scalar = scalar("import", expecting: "the path of a file with a list of models") else {
            return has("import") ? [] : nil
        }
        finish(onlyKey: "import")
        guard let reader = reader.importing(scalar, of: self) else { return [] }
        var document = ConfigurationDocument(environment: reader.environment, reader: reader)
        let path = reader.file
        switch reader.readFile(path) {
        case .failure(let problem):
            let message = "\(name("import")): cannot read \(Self.printable(path)): \(problem)"
            self.reader.report(message, at: scalar.position)
            return []
        case .success(let bytes):
            reader.noteVariables(in: String(decoding: bytes, as: UTF8.self))
            let problems = reader.problems.count
            let root = document.parse(bytes)
            guard case .sequence(let items)? = root?.kind, !items.isEmpty else {
                // What is no YAML has been reported.
                if root != nil || reader.problems.count == problems {
                    let message = "expected a list of models: '- id: NAME' with its executors"
                    reader.report(message, at: root?.position ?? Position())
                }
                return []
            }
            return items.flatMap { item -> [ConfigurationSection] in
                guard let section = imported(item, reader: reader) else { return [] }
                return section.importedModels() ?? [section]
            }
        }
    }

    private func finish(onlyKey key: String) {
        for entry in entries where entry.key != key {
            let message = "key '\(Self.printable(entry.key))' beside '\(key)': an entry that imports has no other key"
            reader.report(message, at: entry.keyPosition)
        }
    }
}

extension ConfigurationReader {
    /// The reader of a file that this one imports; nil, and reported, where it cannot be.
    fileprivate func importing(
        _ scalar: ConfigurationSection.Scalar,
        of section: ConfigurationSection
    ) -> ConfigurationReader? {
        let path = resolve(scalar.text)
        let name = section.name("import")
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
