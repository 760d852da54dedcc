// One section of a configuration file while it is read: typed access to its keys, and the faults found on the way.

/// What is shared while one file is read, and with those that it imports.
final class ConfigurationReader {
    /// What was found in all files of a configuration.
    private final class Findings {
        var problems: [ConfigurationProblem] = []
        var warnings: [ConfigurationProblem] = []
        /// Every key that was looked for, such as `listeners[].address`; a test holds the documentation to it.
        var knownKeys: Set<String> = []
        /// Variables of the environment that a file names, with their values.
        var expanded: [String: String] = [:]
        /// In the order in which they were opened.
        var files: [String]

        init(file: String) {
            files = [file]
        }
    }

    let file: String
    let readFile: (String) -> Result<[UInt8], FileProblem>
    let checkFile: (String) -> FileProblem?
    let inspection: FileInspection
    var environment: [String: String] = [:]
    let importDepth: Int
    private let findings: Findings

    init(
        file: String,
        readFile: @escaping (String) -> Result<[UInt8], FileProblem> = SystemFiles.read,
        checkFile: @escaping (String) -> FileProblem?,
        inspection: FileInspection = .none
    ) {
        self.file = file
        self.readFile = readFile
        self.checkFile = checkFile
        self.inspection = inspection
        importDepth = 0
        findings = Findings(file: file)
    }

    init(file: String, importedBy reader: ConfigurationReader) {
        self.file = file
        readFile = reader.readFile
        checkFile = reader.checkFile
        inspection = reader.inspection
        environment = reader.environment
        importDepth = reader.importDepth + 1
        findings = reader.findings
        findings.files.append(file)
    }

    var problems: [ConfigurationProblem] { findings.problems }
    var knownKeys: Set<String> { findings.knownKeys }
    var files: [String] { findings.files }
    var errors: ConfigurationErrors { ConfigurationErrors(problems, warnings: findings.warnings, files: files) }
    var warnings: [ConfigurationProblem] { ConfigurationErrors([], warnings: findings.warnings, files: files).all }

    fileprivate func looked(for key: String) { findings.knownKeys.insert(key) }

    func report(_ message: String, at position: Position) {
        findings.problems.append(problem(message, at: position))
    }

    /// Something that is probably not meant, and does not keep the configuration from being used.
    func warn(_ message: String, at position: Position) {
        findings.warnings.append(problem("warning: \(message)", at: position))
    }

    /// What is wrong in another file, which has places of its own.
    func report(_ problems: [ConfigurationProblem]) { findings.problems += problems }

    private func problem(_ message: String, at position: Position) -> ConfigurationProblem {
        ConfigurationProblem(file: file, line: position.line, column: position.column, message: told(message))
    }

    private func told(_ message: String) -> String { Self.oneLine(unexpanded(message)) }

    /// Whatever a file holds, a message stays in its line, and does not fill the screen.
    private static func oneLine(_ message: String) -> String {
        var told = ""
        for scalar in message.unicodeScalars.prefix(1024) {
            if scalar.properties.generalCategory == .control {
                told += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                told.unicodeScalars.append(scalar)
            }
        }
        return told
    }

    /// What came from the environment is told by its name: it may be a secret, wherever it was put.
    private func unexpanded(_ message: String) -> String {
        var told = message
        for (name, value) in findings.expanded where told.contains(value) {
            told = told.split(separator: value, omittingEmptySubsequences: false).joined(separator: "${\(name)}")
        }
        return told
    }

    /// The variables that the text names, with their values.
    func noteVariables(in text: String) {
        for (name, value) in environment where value.utf8.count >= Self.secretLengthMin && text.contains("${\(name)") {
            findings.expanded[name] = value
        }
    }

    /// Shorter values are ports and flags, and stand in messages by chance.
    private static let secretLengthMin = 6

    /// The path of a file that the configuration names: relative ones begin where the configuration is.
    func resolve(_ path: String) -> String {
        guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
        return file[...slash] + path
    }
}

/// A mapping of the file.
///
/// A key that nobody asks for until `finish` is an unknown key.
final class ConfigurationSection {
    let reader: ConfigurationReader
    let position: Position
    let entries: [ConfigurationEntry]
    private let path: String
    private var asked: [String] = []

    init(_ entries: [ConfigurationEntry], path: String, position: Position, reader: ConfigurationReader) {
        self.entries = entries
        self.path = path
        self.position = position
        self.reader = reader
    }

    /// The whole file; nil, and reported, where it is no mapping.
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

    /// Reports the keys that nobody has asked for.
    func finish() {
        for entry in entries where !asked.contains(entry.key) {
            let place = path.isEmpty ? "" : " in '\(path)'"
            let hint =
                NearestKey.nearest(to: entry.key, among: asked).map { "did you mean '\($0)'?" }
                ?? "known here: \(asked.joined(separator: ", "))"
            reader.report("unknown key '\(Self.printable(entry.key))'\(place); \(hint)", at: entry.keyPosition)
        }
    }

    // MARK: Values

    func read(_ key: String, _ target: inout Duration, in range: ClosedRange<Duration>) {
        guard let value = duration(key, in: range) else { return }
        target = value
    }

    func read(_ key: String, _ target: inout Bool) {
        guard let scalar = scalar(key, expecting: "true or false") else { return }
        switch scalar.text {
        case "true": target = true
        case "false": target = false
        default: reject(scalar, key, "expected true or false")
        }
    }

    func read(bytes key: String, _ target: inout Int, in range: ClosedRange<Int>) {
        let expected = "a size such as 64MiB, 256KiB or plain bytes"
        guard let scalar = scalar(key, expecting: expected) else { return }
        guard let value = Quantity.size(scalar.text) else { return reject(scalar, key, "expected \(expected)") }
        guard range.contains(value) else {
            let ends = "\(Quantity.text(bytes: range.lowerBound)) and \(Quantity.text(bytes: range.upperBound))"
            return reject(scalar, key, "must be between \(ends)")
        }
        target = value
    }

    func read(count key: String, _ target: inout Int, in range: ClosedRange<Int>) {
        guard let value = count(key, in: range) else { return }
        target = value
    }

    func read<Choice: CaseIterable & RawRepresentable<String>>(_ key: String, _ target: inout Choice) {
        let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        guard let scalar = scalar(key, expecting: "one of \(names)") else { return }
        guard let value = Choice(rawValue: scalar.text) else {
            return reject(scalar, key, "expected one of \(names)")
        }
        target = value
    }

    func count(_ key: String, in range: ClosedRange<Int>, or words: String = "") -> Int? {
        guard let scalar = scalar(key, expecting: "\(words)a whole number") else { return nil }
        guard let value = Quantity.count(scalar.text) else {
            reject(scalar, key, "expected \(words)a whole number")
            return nil
        }
        guard range.contains(value) else {
            reject(scalar, key, "must be between \(range.lowerBound) and \(range.upperBound)")
            return nil
        }
        return value
    }

    func duration(_ key: String, in range: ClosedRange<Duration>, or words: String = "") -> Duration? {
        let expected = "\(words)a whole number with a unit, such as 250ms, 10s, 5m or 1h"
        guard let scalar = scalar(key, expecting: expected) else { return nil }
        guard let value = Quantity.duration(scalar.text) else {
            reject(scalar, key, "expected \(expected)")
            return nil
        }
        guard range.contains(value) else {
            let ends = "\(Quantity.text(range.lowerBound)) and \(Quantity.text(range.upperBound))"
            reject(scalar, key, "must be between \(ends)")
            return nil
        }
        return value
    }

    /// A text that is not empty and has no control characters.
    func text(_ key: String, expecting expected: String, isSecret: Bool = false) -> String? {
        guard let scalar = scalar(key, expecting: expected) else { return nil }
        return checked(scalar, key, expecting: expected, isSecret: isSecret)
    }

    /// A list of texts with their places; nil where the key is absent or holds no list.
    func texts(_ key: String, expecting expected: String) -> [(text: String, position: Position)]? {
        guard let items = sequence(key, expecting: "a list: \(expected)") else { return nil }
        return items.compactMap { item in
            guard let scalar = scalar(item, named: "\(key)[]", expecting: expected),
                let text = checked(scalar, "\(key)[]", expecting: expected, isSecret: false)
            else { return nil }
            return (text, item.position)
        }
    }

    /// The path of a file that must be readable now, made absolute.
    func readableFile(_ key: String) -> String? { checkedFile(key)?.path }

    /// The same, and whether it can be read.
    func checkedFile(_ key: String) -> (path: String, isReadable: Bool)? {
        guard let path = text(key, expecting: "the path of a file").map(reader.resolve) else { return nil }
        guard let problem = reader.checkFile(path) else { return (path, true) }
        reader.report("\(name(key)): cannot read \(Self.printable(path)): \(problem)", at: place(key))
        return (path, false)
    }

    // MARK: Sections

    /// The section under a key.
    ///
    /// One without a value is an empty section.
    func section(_ key: String) -> ConfigurationSection? {
        guard let node = node(key) else { return nil }
        return section(node, named: key, path: name(key))
    }

    /// The sections of a list.
    func sections(_ key: String, expecting expected: String) -> [ConfigurationSection]? {
        sequence(key, expecting: "a list: \(expected)")?.compactMap {
            section($0, named: "\(key)[]", path: "\(name(key))[]")
        }
    }

    /// An item of another file's list, read as one of this section's own list.
    func imported(_ node: ConfigurationNode, reader: ConfigurationReader) -> ConfigurationSection? {
        ConfigurationSection([], path: "", position: node.position, reader: reader)
            .section(node, named: path, path: path)
    }

    // MARK: Steps that readers of unusual values need too

    struct Scalar {
        let text: String
        let raw: String
        let position: Position
    }

    /// The place of a key's value, else of the section.
    func place(_ key: String) -> Position {
        entries.first { $0.key == key }?.value.position ?? position
    }

    func has(_ key: String) -> Bool {
        entries.contains { $0.key == key }
    }

    /// Reports a key that is absent, or an empty list.
    func requireKey(_ key: String, expecting expected: String) {
        switch entries.first(where: { $0.key == key })?.value.kind {
        case nil: reader.report("\(name(key)): missing; expected \(expected)", at: position)
        case .sequence(let items)? where items.isEmpty:
            reader.report("\(name(key)): is empty; expected \(expected)", at: place(key))
        default: break
        }
    }

    /// A value of any kind.
    func anything(_ key: String) -> ConfigurationNode? { node(key) }

    func scalar(_ key: String, expecting expected: String) -> Scalar? {
        node(key).flatMap { scalar($0, named: key, expecting: expected) }
    }

    /// Reports a value, quoting it as the file has it: what the environment gave may be a secret.
    func reject(_ scalar: Scalar, _ key: String, _ why: String) {
        let expanded = scalar.raw == scalar.text ? "" : " once expanded"
        reader.report("\(name(key)): '\(Self.printable(scalar.raw))'\(expanded): \(why)", at: scalar.position)
    }

    /// A key as messages name it, such as `limits.body`.
    func name(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// Without control characters, and short.
    static func printable(_ text: String) -> String {
        let scalars = text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }
        var result = String.UnicodeScalarView()
        result.append(contentsOf: scalars.prefix(80))
        return String(result) + (scalars.count > 80 ? "..." : "")
    }

    private func node(_ key: String) -> ConfigurationNode? {
        if !asked.contains(key) { asked.append(key) }
        reader.looked(for: name(key))
        return entries.first { $0.key == key }?.value
    }

    private func sequence(_ key: String, expecting expected: String) -> [ConfigurationNode]? {
        guard let node = node(key) else { return nil }
        if case .sequence(let items) = node.kind { return items }
        mismatch(node, key, expected)
        return nil
    }

    private func section(_ node: ConfigurationNode, named key: String, path: String) -> ConfigurationSection? {
        switch node.kind {
        case .mapping(let entries):
            return ConfigurationSection(entries, path: path, position: node.position, reader: reader)
        case .scalar(let text, _, true) where Self.isNull(text):
            return ConfigurationSection([], path: path, position: node.position, reader: reader)
        default:
            mismatch(node, key, "a section of keys")
            return nil
        }
    }

    private func scalar(_ node: ConfigurationNode, named key: String, expecting expected: String) -> Scalar? {
        if case .scalar(let text, let raw, let isPlain) = node.kind, !(isPlain && Self.isNull(raw)) {
            return Scalar(text: text, raw: raw, position: node.position)
        }
        mismatch(node, key, expected)
        return nil
    }

    private func checked(_ scalar: Scalar, _ key: String, expecting expected: String, isSecret: Bool) -> String? {
        if scalar.text.isEmpty {
            reader.report("\(name(key)): is empty; expected \(expected)", at: scalar.position)
            return nil
        }
        guard scalar.text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            reader.report("\(name(key)): must not contain control characters", at: scalar.position)
            return nil
        }
        // A secret becomes a header field; it is never quoted.
        if isSecret, !scalar.text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
            reader.report("\(name(key)): must be visible ASCII without spaces", at: scalar.position)
            return nil
        }
        return scalar.text
    }

    private func mismatch(_ node: ConfigurationNode, _ key: String, _ expected: String) {
        let found: String
        switch node.kind {
        case .unusable: return
        case .scalar(let text, _, true) where Self.isNull(text): found = "nothing"
        case .scalar: found = "a single value"
        case .sequence: found = "a list"
        case .mapping: found = "a section"
        }
        reader.report("\(name(key)): expected \(expected), found \(found)", at: node.position)
    }

    private static func isNull(_ text: String) -> Bool { ["", "~", "null"].contains(text) }
}
