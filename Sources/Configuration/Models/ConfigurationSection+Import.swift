// Reads `- import: FILE` in the list of models. An imported file contains more models. An error in an imported file is
// reported at its position in that file.

extension ConfigurationReader {
    /// The maximum depth of nested imports; a file that the main file imports has depth 1.
    static let importDepthMax = 8
    /// The largest number of files that a configuration may import.
    static let importsMax = 256
}

extension ConfigurationSection {
    /// Returns the models of the files that this entry imports; nil if this entry has no key `import`.
    ///
    /// The value is a file, a pattern such as `sites-enabled/*.yaml`, or a folder. Relative paths in an imported file
    /// are resolved against the folder of that file.
    func importedModels() -> [ConfigurationSection]? {
        guard let scalar = scalar("import", expecting: "the path of a file with a list of models") else {
            return has("import") ? [] : nil
        }
        reportKeys(beside: "import")
        let path = reader.resolve(scalar.text)
        guard let matches = reader.filesMatching(path) else { return importedModels(of: path, at: scalar.position) }
        if matches.isEmpty { warn("import", "no file matches \(Self.printable(path))") }
        return matches.flatMap { importedModels(of: $0, at: scalar.position) }
    }

    private func importedModels(of path: String, at position: Position) -> [ConfigurationSection] {
        guard let reader = reader.importing(path, named: name(of: "import"), at: position) else { return [] }
        let expected = "a list of models: '- id: NAME' with its executors"
        guard let items = items(of: reader, at: "import", expecting: expected) else { return [] }
        if items.isEmpty { reader.report("expected \(expected)", at: Position()) }
        reader.noteImported(items)
        return items.flatMap { item -> [ConfigurationSection] in
            guard let section = imported(item, reader: reader) else { return [] }
            return section.importedModels() ?? [section]
        }
    }

    /// Reports an error for every key of this section except `key`.
    private func reportKeys(beside key: String) {
        for entry in entries where entry.key != key {
            let message = "key '\(Self.printable(entry.key))' beside '\(key)': an entry that imports has no other key"
            reader.report(message, at: entry.keyPosition)
        }
    }
}

extension ConfigurationReader {
    /// Returns the reader of a file to import; reports an error and returns nil if the file must not be imported.
    ///
    /// - Parameters:
    ///   - name: The key whose value is the path, in the form that error messages show.
    ///   - position: The position of that key.
    fileprivate func importing(_ path: String, named name: String, at position: Position) -> ConfigurationReader? {
        let shown = ConfigurationSection.printable(path)
        if files.contains(path) {
            report("\(name): \(shown) is imported already, or imports itself", at: position)
            return nil
        }
        guard importDepth < Self.importDepthMax else {
            report("\(name): files import each other more than \(Self.importDepthMax) deep", at: position)
            return nil
        }
        guard files.count <= Self.importsMax else {
            report("\(name): more than \(Self.importsMax) files are imported", at: position)
            return nil
        }
        return ConfigurationReader(file: path, importedBy: self)
    }
}
