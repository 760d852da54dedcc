// The format of a YAML file of API keys, which the operator edits by hand.
package import Routing
internal import Transport

/// Reads and writes the format; the file is read like a configuration, so that each fault has its line and column.
///
/// No message quotes a hash: it could be a key that was pasted into the wrong line.
package enum KeyFile {
    /// The keys of the file, or everything that is wrong with it.
    ///
    /// - Parameter path: The name of the file, for messages.
    package static func parse(_ bytes: [UInt8], path: String) -> Result<[AccessKey], ConfigurationErrors> {
        let reader = ConfigurationReader(file: path) { _ in nil }
        var document = ConfigurationDocument(environment: [:], reader: reader)
        let root = document.parse(bytes)
        if root == nil, !reader.problems.isEmpty { return .failure(ConfigurationErrors(reader.problems)) }
        let empty = ConfigurationNode(position: Position(), kind: .mapping([]))
        var keys: [AccessKey] = []
        if let section = ConfigurationSection(root: root ?? empty, reader: reader) {
            // A file without keys is valid: all keys may have been removed.
            keys = readAll(from: section)
            section.finish()
        }
        return reader.problems.isEmpty ? .success(keys) : .failure(ConfigurationErrors(reader.problems))
    }

    private static func readAll(from root: ConfigurationSection) -> [AccessKey] {
        // A file with `keys:` and nothing behind it is valid, too: the last entry may have been removed.
        if case .scalar("", _, true)? = root.anything("keys")?.kind { return [] }
        var ids: [String: Int] = [:]
        var hashes: [[UInt8]: Int] = [:]
        return (root.sections("keys", expecting: "keys, each with '- id: ID' and its hash") ?? []).compactMap {
            section in
            guard let key = AccessKey(reading: section) else { return nil }
            if let line = ids.updateValue(section.position.line, forKey: key.id) {
                section.reader.report("keys[].id: the key on line \(line) has it already", at: section.place("id"))
            }
            if let line = hashes.updateValue(section.position.line, forKey: key.hash) {
                section.reader.report("keys[].hash: the key on line \(line) has it already", at: section.place("hash"))
            }
            return key
        }
    }

    /// The text of one key, to be put under `keys:`.
    package static func entry(_ key: AccessKey) -> String {
        var lines = ["id: \(quoted(key.id))", "hash: \(Hexadecimal.text(key.hash))", "tenant: \(quoted(key.tenant))"]
        if key.role != .user { lines.append("role: \(key.role.rawValue)") }
        if let models = key.models { lines.append("models: [\(models.map(quoted).joined(separator: ", "))]") }
        if let count = key.limits.concurrency { lines.append("concurrency: \(count)") }
        if let count = key.limits.requestsPerMinute { lines.append("requests_per_minute: \(count)") }
        if let count = key.limits.tokensPerMinute { lines.append("tokens_per_minute: \(count)") }
        if let expires = key.expires { lines.append("expires: \(Timestamp.rfc3339(seconds: expires))") }
        return lines.enumerated().map { ($0.offset == 0 ? "  - " : "    ") + $0.element }.joined(separator: "\n")
    }

    private static func quoted(_ text: String) -> String {
        let escaped = text.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] }
        return "\"" + String(escaped).replacing("${", with: "$${") + "\""
    }
}

extension KeyLimits {
    /// The largest value of each limit.
    package static let most = 1_000_000_000

    /// Reads the limits from the section of a key, or of anonymous callers.
    init(reading section: ConfigurationSection) {
        self.init(
            concurrency: section.count("concurrency", in: 1...Self.most),
            requestsPerMinute: section.count("requests_per_minute", in: 1...Self.most),
            tokensPerMinute: section.count("tokens_per_minute", in: 1...Self.most)
        )
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
        let limits = KeyLimits(reading: section)
        let expires = section.moment("expires")
        section.finish()
        guard let id, let hash, let tenant else { return nil }
        self.init(id: id, hash: hash, tenant: tenant, role: role, models: models, limits: limits, expires: expires)
    }
}

extension ConfigurationSection {
    fileprivate func hash(_ key: String) -> [UInt8]? {
        let expected = "64 hexadecimal digits, as 'freeinference keys create' prints them"
        requireKey(key, expecting: expected)
        guard let scalar = scalar(key, expecting: expected) else { return nil }
        guard let bytes = Hexadecimal.bytes(scalar.text), bytes.count == 32 else {
            reader.report("\(name(key)): expected \(expected)", at: scalar.position)
            return nil
        }
        return bytes
    }

    fileprivate func moment(_ key: String) -> Int? {
        guard let scalar = scalar(key, expecting: Timestamp.expected) else { return nil }
        guard let seconds = Timestamp.seconds(scalar.text) else {
            reject(scalar, key, "expected \(Timestamp.expected)")
            return nil
        }
        return seconds
    }
}
