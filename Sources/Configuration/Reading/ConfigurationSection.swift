// One section of a configuration file while it is read: its keys, its subsections, and the errors found in them.

/// A mapping of the file, whose keys are read one by one.
///
/// `finish` reports every key that was not looked up before, because such a key is unknown.
final class ConfigurationSection {
    let reader: ConfigurationReader
    let position: Position
    let entries: [ConfigurationEntry]
    /// The section's name in messages, such as `models[].executors[]`; empty for the whole file.
    private let path: String
    /// The keys that were looked up, in the order of their first lookup.
    private var lookedUp: [String] = []

    init(_ entries: [ConfigurationEntry], path: String, position: Position, reader: ConfigurationReader) {
        self.entries = entries
        self.path = path
        self.position = position
        self.reader = reader
    }

    /// Makes the section of the whole file; reports an error and returns nil if the file is neither a mapping nor
    /// empty.
    convenience init?(root: ConfigurationNode, reader: ConfigurationReader) {
        switch root.kind {
        case .mapping(let entries):
            self.init(entries, path: "", position: root.position, reader: reader)
        case .scalar(let text, _, true) where Self.isNull(text):
            self.init([], path: "", position: root.position, reader: reader)
        default:
            reader.report("expected keys such as 'listeners:' and 'models:' at the top of the file", at: root.position)
            return nil
        }
    }

    // MARK: Keys

    /// Returns the value of a key, whatever its kind, and marks the key as known.
    func node(_ key: String) -> ConfigurationNode? {
        if !lookedUp.contains(key) { lookedUp.append(key) }
        reader.noteLookup(of: name(of: key))
        return entries.first { $0.key == key }?.value
    }

    /// Whether the section has the key; the key is not marked as known.
    func has(_ key: String) -> Bool {
        entries.contains { $0.key == key }
    }

    /// The name of a key in messages, such as `limits.body`.
    func name(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// The position of a key's value, or of the section if the key is absent.
    func position(of key: String) -> Position {
        entries.first { $0.key == key }?.value.position ?? position
    }

    /// Reports an error if a key is absent or its value is an empty list.
    func requireKey(_ key: String, expecting expected: String) {
        switch entries.first(where: { $0.key == key })?.value.kind {
        case nil: reader.report("\(name(of: key)): missing; expected \(expected)", at: position)
        case .sequence(let items)? where items.isEmpty: report(key, "is empty; expected \(expected)")
        default: break
        }
    }

    /// Reports an error for every key of the section that was not looked up, because such a key is unknown.
    func finish() {
        for entry in entries where !lookedUp.contains(entry.key) {
            let place = path.isEmpty ? "" : " in '\(path)'"
            let hint =
                NearestKey.nearest(to: entry.key, among: lookedUp).map { "did you mean '\($0)'?" }
                ?? "known here: \(lookedUp.joined(separator: ", "))"
            reader.report("unknown key '\(Self.printable(entry.key))'\(place); \(hint)", at: entry.keyPosition)
        }
    }

    // MARK: Subsections

    /// Returns the section under a key; nil if the key is absent or its value is not a section.
    ///
    /// A key without a value is an empty section.
    func section(_ key: String) -> ConfigurationSection? {
        guard let node = node(key) else { return nil }
        return section(node, named: key, path: name(of: key))
    }

    /// Returns the sections in the value of a key; nil if the key is absent or its value is not a list.
    func sections(_ key: String, expecting expected: String) -> [ConfigurationSection]? {
        sequence(key, expecting: "a list: \(expected)")?.compactMap {
            section($0, named: "\(key)[]", path: "\(name(of: key))[]")
        }
    }

    /// Makes a section of `node`, one entry of another file: a file of executors, or an imported file of models.
    ///
    /// Messages about the entry use the name of the section on which this function is called, such as
    /// `models[].executors[]`.
    func imported(_ node: ConfigurationNode, reader: ConfigurationReader) -> ConfigurationSection? {
        ConfigurationSection([], path: "", position: node.position, reader: reader)
            .section(node, named: path, path: path)
    }

    func sequence(_ key: String, expecting expected: String) -> [ConfigurationNode]? {
        guard let node = node(key) else { return nil }
        if case .sequence(let items) = node.kind { return items }
        reportKind(of: node, key, expecting: expected)
        return nil
    }

    private func section(_ node: ConfigurationNode, named key: String, path: String) -> ConfigurationSection? {
        switch node.kind {
        case .mapping(let entries):
            return ConfigurationSection(entries, path: path, position: node.position, reader: reader)
        case .scalar(let text, _, true) where Self.isNull(text):
            return ConfigurationSection([], path: path, position: node.position, reader: reader)
        default:
            reportKind(of: node, key, expecting: "a section of keys")
            return nil
        }
    }

    // MARK: Messages

    /// Reports an error in the value of a key.
    func report(_ key: String, _ why: String) {
        reader.report("\(name(of: key)): \(why)", at: position(of: key))
    }

    /// Reports a warning about the value of a key.
    func warn(_ key: String, _ why: String) {
        reader.warn("\(name(of: key)): \(why)", at: position(of: key))
    }

    /// Reports a value that is not of the kind `expected`, such as a list in place of a single value.
    func reportKind(of node: ConfigurationNode, _ key: String, expecting expected: String) {
        let found: String
        switch node.kind {
        case .unusable: return
        case .scalar(let text, _, true) where Self.isNull(text): found = "nothing"
        case .scalar: found = "a single value"
        case .sequence: found = "a list"
        case .mapping: found = "a section"
        }
        reader.report("\(name(of: key)): expected \(expected), found \(found)", at: node.position)
    }

    /// Returns a text in the form that messages quote: with control characters replaced, and cut after 80 Unicode
    /// scalars.
    static func printable(_ text: String) -> String {
        let scalars = text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }
        var result = String.UnicodeScalarView()
        result.append(contentsOf: scalars.prefix(80))
        return String(result) + (scalars.count > 80 ? "..." : "")
    }

    /// Whether the text of a scalar without quotes means null in YAML.
    static func isNull(_ text: String) -> Bool { ["", "~", "null"].contains(text) }
}
