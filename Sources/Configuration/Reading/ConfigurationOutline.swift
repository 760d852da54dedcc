// The values of a configuration file as a flat list, from which the differences of two configurations are described.

/// Every single value of a configuration, by its path, such as `models[llama].executors[http://gpu:8000].weight`.
///
/// An entry of a list of sections is named by a key that identifies it, such as `id`, `url` or `address`, and not by
/// its index. A new order of the list is therefore not a change.
package struct ConfigurationOutline: Sendable, Equatable {
    private struct Value: Sendable, Equatable {
        var text: String
        /// Whether messages may show the text.
        ///
        /// A secret is not shown, and neither is a text that has replaced a reference such as `${NAME}`.
        var isShown: Bool
    }

    /// The keys whose values are secrets; messages never show these values.
    private static let secretKeys: Set<String> = ["api_key"]
    /// The keys that identify an entry of a list, in the order in which they are looked for.
    private static let identifyingKeys = ["id", "discover", "url", "address", "import", "certificate", "name"]
    /// The largest number of characters of one value that `changes`, the list of changed settings, shows.
    private static let shownMax = 60

    private var values: [String: Value] = [:]
    /// The keys of `values` in the order of the file.
    private var order: [String] = []

    /// Makes an outline without values.
    package init() {}

    /// Adds the values of a file.
    mutating func add(_ root: ConfigurationNode) { add(root, at: "", isSecret: false) }

    /// Adds the models of an imported file to the models of the main file.
    mutating func add(models: [ConfigurationNode]) { add(list: models, at: "models", isSecret: false) }

    private mutating func add(_ node: ConfigurationNode, at path: String, isSecret: Bool) {
        switch node.kind {
        case .unusable: return
        case .scalar(let text, let raw, _): set(Value(text: text, isShown: !isSecret && text == raw), at: path)
        case .sequence(let items): add(list: items, at: path, isSecret: isSecret)
        case .mapping(let entries):
            for entry in entries {
                let hides = isSecret || Self.secretKeys.contains(entry.key)
                add(entry.value, at: path.isEmpty ? entry.key : "\(path).\(entry.key)", isSecret: hides)
            }
        }
    }

    private mutating func add(list: [ConfigurationNode], at path: String, isSecret: Bool) {
        var labels: [String: Int] = [:]
        for item in list {
            guard case .mapping(let entries) = item.kind else { continue }
            let label = Self.label(of: entries)
            labels[label, default: 0] += 1
            // If several entries have the same label, each entry after the first gets a number.
            let suffix = labels[label, default: 1] > 1 ? " #\(labels[label, default: 1])" : ""
            add(item, at: "\(path)[\(label)\(suffix)]", isSecret: isSecret)
        }
        // A list of single values counts as one value, because its items have no names.
        var texts: [String] = []
        var isShown = !isSecret
        for item in list {
            guard case .scalar(let text, let raw, _) = item.kind else { continue }
            texts.append(text)
            if text != raw { isShown = false }
        }
        guard !texts.isEmpty else { return }
        set(Value(text: texts.joined(separator: ", "), isShown: isShown), at: path)
    }

    private static func label(of entries: [ConfigurationEntry]) -> String {
        for key in identifyingKeys {
            guard let entry = entries.first(where: { $0.key == key }), case .scalar(_, let raw, _) = entry.value.kind
            else { continue }
            return ConfigurationSection.printable(raw)
        }
        return ""
    }

    private mutating func set(_ value: Value, at path: String) {
        if values.updateValue(value, forKey: path) == nil { order.append(path) }
    }

    // MARK: Changes

    /// Describes the values that a newer configuration has removed, added or changed, in one line each.
    ///
    /// A list entry that was added or removed as a whole has only one line. Values of secrets and of environment
    /// variables are not shown.
    package func changes(to new: ConfigurationOutline) -> [String] {
        var lines: [String] = []
        var seen: Set<String> = []
        func say(_ line: String) { if seen.insert(line).inserted { lines.append(line) } }
        let (oldEntries, newEntries) = (entries, new.entries)
        for path in order where new.values[path] == nil {
            if let entry = Self.outermost(path, missingIn: newEntries) {
                say("\(entry): removed")
            } else {
                say("\(path): \(Self.shown(values[path])) -> the default")
            }
        }
        for path in new.order {
            guard let old = values[path] else {
                if let entry = Self.outermost(path, missingIn: oldEntries) {
                    say("\(entry): added")
                } else {
                    say("\(path): the default -> \(Self.shown(new.values[path]))")
                }
                continue
            }
            guard let value = new.values[path], value.text != old.text else { continue }
            let isShown = value.isShown && old.isShown
            say(isShown ? "\(path): \(Self.shown(old)) -> \(Self.shown(value))" : "\(path): changed")
        }
        return lines
    }

    private static func shown(_ value: Value?) -> String {
        guard let value, value.isShown else { return "a value" }
        let text = ConfigurationSection.printable(String(value.text.prefix(shownMax)))
        return text.isEmpty ? "''" : text
    }

    /// The paths of all entries of lists, such as `models[llama]` and `models[llama].executors[http://gpu:8000]`.
    private var entries: Set<String> {
        var found: Set<String> = []
        for path in order { for entry in Self.entries(of: path) { found.insert(entry) } }
        return found
    }

    private static func outermost(_ path: String, missingIn entries: Set<String>) -> String? {
        Self.entries(of: path).first { !entries.contains($0) }
    }

    /// The paths of the list entries that contain the value at a path, the outermost first.
    private static func entries(of path: String) -> [String] {
        var found: [String] = []
        for index in path.indices where path[index] == "]" {
            let next = path.index(after: index)
            if next == path.endIndex || path[next] == "." { found.append(String(path[...index])) }
        }
        return found
    }
}
