// Reads and writes a YAML file of API keys, which the operator edits by hand. Every error names its line and column.
// Messages never quote hashes, because an operator may have pasted a key into the field of the hash.
package import Routing
internal import Transport

/// Reads and writes YAML files of API keys.
package enum KeyFile {
    /// Returns the API keys of a file, or all errors in the file.
    ///
    /// - Parameter path: The path of the file for messages; the file is not opened.
    package static func parse(_ bytes: [UInt8], path: String) -> Result<[AccessKey], ConfigurationErrors> {
        let reader = ConfigurationReader(file: path) { _ in nil }
        var document = ConfigurationDocument(environment: [:], reader: reader)
        let root = document.parse(bytes)
        if root == nil, !reader.problems.isEmpty { return .failure(ConfigurationErrors(reader.problems)) }
        let empty = ConfigurationNode(position: Position(), kind: .mapping([]))
        var keys: [AccessKey] = []
        if let section = ConfigurationSection(root: root ?? empty, reader: reader) {
            // A file without API keys is valid, because the operator may have removed all of them.
            keys = readAll(from: section)
            section.finish()
        }
        return reader.problems.isEmpty ? .success(keys) : .failure(ConfigurationErrors(reader.problems))
    }

    private static func readAll(from root: ConfigurationSection) -> [AccessKey] {
        // `keys:` without a value is valid, because the operator may have removed all entries below it.
        if case .scalar("", _, true)? = root.node("keys")?.kind { return [] }
        var ids: [String: Int] = [:]
        var hashes: [[UInt8]: Int] = [:]
        return (root.sections("keys", expecting: "keys, each with '- id: ID' and its hash") ?? []).compactMap {
            section in
            guard let key = AccessKey(reading: section) else { return nil }
            if let line = ids.updateValue(section.position.line, forKey: key.id) {
                section.report("id", "the key on line \(line) has it already")
            }
            if let line = hashes.updateValue(section.position.line, forKey: key.hash) {
                section.report("hash", "the key on line \(line) has it already")
            }
            return key
        }
    }

    /// Returns the YAML lines of one API key, indented as an entry under `keys:`.
    package static func entry(_ key: AccessKey) -> String {
        var lines = ["id: \(quoted(key.id))", "hash: \(Hexadecimal.text(key.hash))", "tenant: \(quoted(key.tenant))"]
        if key.role != .user { lines.append("role: \(key.role.rawValue)") }
        if let models = key.models { lines.append("models: [\(models.map(quoted).joined(separator: ", "))]") }
        lines += key.limits.named.map { "\($0.name): \($0.count)" }
        for (name, value) in key.priority.named {
            lines.append(name == "priority" ? "priority: \(value)" : "\(name): [\(value)]")
        }
        if let expires = key.expires { lines.append("expires: \(Timestamp.rfc3339(seconds: expires))") }
        return lines.enumerated().map { ($0.offset == 0 ? "  - " : "    ") + $0.element }.joined(separator: "\n")
    }

    /// Quotes a text for YAML, so that neither YAML nor variable expansion changes it.
    private static func quoted(_ text: String) -> String {
        let escaped = text.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] }
        return "\"" + String(escaped).replacing("${", with: "$${") + "\""
    }
}

extension AccessKey {
    fileprivate init?(reading section: ConfigurationSection) {
        let id = section.text("id", expecting: "the short name of the key")
        section.requireKey("id", expecting: "the short name of the key")
        let hash = section.hash("hash")
        let tenant = section.text("tenant", expecting: "whose key it is")
        section.requireKey("tenant", expecting: "whose key it is")
        var role = Role.user
        section.read("role", &role)
        let models = section.texts("models", expecting: "ids of models")?.map(\.text)
        var limits = KeyLimits(reading: section)
        limits.prefillResets = section.count("prefill_resets", in: 1...KeyLimits.prefillResetsMost)
        let priority = PriorityRule(reading: section)
        let expires = section.moment("expires")
        section.finish()
        guard let id, let hash, let tenant else { return nil }
        self.init(
            id: id,
            hash: hash,
            tenant: tenant,
            role: role,
            models: models,
            limits: limits,
            priority: priority,
            expires: expires
        )
    }
}

extension ConfigurationSection {
    /// Returns the value of the YAML key `key`: a hash of 32 bytes, written as 64 hexadecimal digits.
    fileprivate func hash(_ key: String) -> [UInt8]? {
        let expected = "64 hexadecimal digits, as 'freeinference keys create' prints them"
        requireKey(key, expecting: expected)
        guard let scalar = scalar(key, expecting: expected) else { return nil }
        guard let bytes = Hexadecimal.bytes(scalar.text), bytes.count == 32 else {
            reader.report("\(name(of: key)): expected \(expected)", at: scalar.position)
            return nil
        }
        return bytes
    }

    /// Returns the value of the YAML key `key` as a time in seconds since 1970.
    ///
    /// The value in the file is a date, with or without a time of day.
    fileprivate func moment(_ key: String) -> Int? {
        guard let scalar = scalar(key, expecting: Timestamp.expected) else { return nil }
        guard let seconds = Timestamp.seconds(scalar.text) else {
            reject(scalar, key, "expected \(Timestamp.expected)")
            return nil
        }
        return seconds
    }
}
