// One mapping in an imported file. The import reads the keys of the mapping one by one, and reports each key that it
// has not read.
internal import Configuration

/// A value of the imported file that is neither a mapping nor a list.
struct ForeignText {
    /// The value as the file has it; never empty, and without control characters.
    var text: String
    var position: Position
}

/// A mapping of the imported file.
///
/// The keys of mappings under YAML's merge key (`<<`) are included. The mapping's own keys take precedence.
final class ForeignSection {
    let notes: MigrationNotes
    let position: Position
    /// The section's name in messages, such as `model_list[].litellm_params`; empty for the top level of the file.
    let path: String
    private let entries: [ConfigurationEntry]
    private var taken: Set<String> = []

    /// Makes a section from a mapping; nil for any other value.
    init?(_ node: ConfigurationNode, path: String, notes: MigrationNotes) {
        guard case .mapping(let entries) = node.kind else { return nil }
        self.notes = notes
        self.path = path
        position = node.position
        self.entries = Self.merged(entries, depth: 0)
    }

    /// The highest number of nested YAML merge keys (`<<`) that are followed.
    private static let mergeDepthMax = 8

    private static func merged(_ entries: [ConfigurationEntry], depth: Int) -> [ConfigurationEntry] {
        guard depth < mergeDepthMax, entries.contains(where: { $0.key == "<<" }) else { return entries }
        var result = entries.filter { $0.key != "<<" }
        var keys = Set(result.map(\.key))
        func add(_ node: ConfigurationNode) {
            switch node.kind {
            case .mapping(let inner):
                for entry in merged(inner, depth: depth + 1) where keys.insert(entry.key).inserted {
                    result.append(entry)
                }
            case .sequence(let items) where depth < mergeDepthMax:
                for item in items {
                    if case .mapping = item.kind { add(item) }
                }
            default: break
            }
        }
        for entry in entries where entry.key == "<<" { add(entry.value) }
        return result
    }

    // MARK: Keys

    /// The name of a key in messages, such as `model_list[].litellm_params.model`.
    func name(of key: String) -> String {
        let shown = ForeignDocument.printable(key)
        return path.isEmpty ? shown : "\(path).\(shown)"
    }

    func has(_ key: String) -> Bool { entries.contains { $0.key == key } }

    /// The position of a key; if the section does not have the key, the position of the section.
    func position(of key: String) -> Position { entries.first { $0.key == key }?.keyPosition ?? position }

    /// The keys that the import has not handled yet, in the order of the file.
    var rest: [String] { entries.map(\.key).filter { !taken.contains($0) } }

    /// Returns the value of a key, and marks the key as handled by the import; nil if the key is absent or its value is
    /// YAML's null.
    func node(_ key: String) -> ConfigurationNode? {
        taken.insert(key)
        guard let node = entries.first(where: { $0.key == key })?.value else { return nil }
        if case .scalar(let text, _, true) = node.kind, ForeignDocument.isNull(text) { return nil }
        return node
    }

    /// Returns the single value of a key; nil if the key is absent or null.
    ///
    /// The result is also nil for a list, a section, an empty text, or a text with control characters. A note then says
    /// that the value is not carried over.
    func text(_ key: String) -> ForeignText? {
        guard let node = node(key) else { return nil }
        return text(node, key)
    }

    /// Returns the list of single values of a key; one single value is returned as a list of one.
    func texts(_ key: String) -> [ForeignText] {
        guard let node = node(key) else { return [] }
        guard case .sequence(let items) = node.kind else { return text(node, key).map { [$0] } ?? [] }
        return items.compactMap { text($0, "\(key)[]") }
    }

    private func text(_ node: ConfigurationNode, _ key: String) -> ForeignText? {
        guard case .scalar(let text, _, _) = node.kind else {
            notes.lost(name(of: key), "a single value is expected here", at: node.position)
            return nil
        }
        guard !text.isEmpty else {
            notes.lost(name(of: key), "it is empty", at: node.position)
            return nil
        }
        guard text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            notes.lost(name(of: key), "it has control characters", at: node.position)
            return nil
        }
        return ForeignText(text: text, position: node.position)
    }

    /// Returns the boolean value of a key, such as `true`, `yes` or `on` in any case; nil if the key is absent or null.
    ///
    /// For any other value, the result is nil, and a note says that the value is not carried over into the new
    /// configuration.
    func flag(_ key: String) -> Bool? {
        guard let found = text(key) else { return nil }
        switch found.text.lowercased() {
        case "true", "yes", "on": return true
        case "false", "no", "off": return false
        default:
            notes.lost(name(of: key), "true or false is expected here", at: found.position)
            return nil
        }
    }

    /// Returns the value of a key that is a whole number in `range`; nil if the key is absent or null.
    ///
    /// For any other value, the result is nil, and a note says that the value is not carried over into the new
    /// configuration.
    func count(_ key: String, in range: ClosedRange<Int>) -> Int? {
        guard let found = text(key) else { return nil }
        // Python allows underscores in numbers, as in 1_000_000.
        let digits = found.text.filter { $0 != "_" }
        guard let number = Int(digits), range.contains(number) else {
            let why = "a whole number between \(range.lowerBound) and \(range.upperBound) is expected here"
            notes.lost(name(of: key), why, at: found.position)
            return nil
        }
        return number
    }

    /// Returns the section under a key; nil if the key is absent or null.
    ///
    /// For any other value, the result is nil, and a note says that the value is not carried over into the new
    /// configuration.
    func section(_ key: String) -> ForeignSection? {
        guard let node = node(key) else { return nil }
        if let section = ForeignSection(node, path: name(of: key), notes: notes) { return section }
        notes.lost(name(of: key), "a section of keys is expected here", at: node.position)
        return nil
    }

    /// Returns the list of sections under a key.
    ///
    /// An item of another kind is left out, and a note says that it is not carried over into the new configuration.
    func sections(_ key: String) -> [ForeignSection] {
        guard let node = node(key) else { return [] }
        guard case .sequence(let items) = node.kind else {
            notes.lost(name(of: key), "a list is expected here", at: node.position)
            return []
        }
        return Self.sections(items, path: "\(name(of: key))[]", notes: notes)
    }

    static func sections(_ items: [ConfigurationNode], path: String, notes: MigrationNotes) -> [ForeignSection] {
        items.compactMap { item in
            if let section = ForeignSection(item, path: path, notes: notes) { return section }
            notes.lost(path, "a section of keys is expected here", at: item.position)
            return nil
        }
    }

    // MARK: Notes

    /// Marks a key as handled by the import; if the section has the key, notes for the operator that it is left out of
    /// the new configuration, and why.
    func drop(_ key: String, _ why: String) {
        taken.insert(key)
        guard let entry = entries.first(where: { $0.key == key }) else { return }
        notes.lost(name(of: key) + Self.extent(of: entry), why, at: entry.keyPosition)
    }

    /// Marks a key as handled by the import; if the section has the key, notes for the operator what becomes of it in
    /// the new configuration.
    func change(_ key: String, _ how: String) {
        taken.insert(key)
        guard let entry = entries.first(where: { $0.key == key }) else { return }
        notes.changed(name(of: key), how, at: entry.keyPosition)
    }

    /// Drops every key that the import has not handled, and makes a note about each.
    ///
    /// - Parameters:
    ///   - reasons: For some keys of the imported file, by their names, the reason why the key is dropped.
    ///   - otherwise: The reason why any other key is dropped.
    func finish(_ reasons: [String: String] = [:], otherwise: String) {
        for key in rest { drop(key, reasons[key] ?? otherwise) }
    }

    /// The end of a message, which names the last line of a value, such as `, to line 12`; empty for a value of one
    /// line.
    private static func extent(of entry: ConfigurationEntry) -> String {
        let last = lastLine(of: entry.value)
        return last > entry.keyPosition.line ? ", to line \(last)" : ""
    }

    /// The last line on which a value, or a value in it, begins.
    private static func lastLine(of node: ConfigurationNode) -> Int {
        switch node.kind {
        case .scalar, .unusable: node.position.line
        case .sequence(let items): items.map(lastLine).max() ?? node.position.line
        case .mapping(let entries): entries.map { lastLine(of: $0.value) }.max() ?? node.position.line
        }
    }
}
