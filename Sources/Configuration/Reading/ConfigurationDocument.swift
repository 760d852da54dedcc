// Parses a configuration file: reads its YAML with Yams, expands variables, and reports each error with its position.

import Yams

/// Parses the bytes of one file into a tree of `ConfigurationNode`, and reports the errors of the file.
struct ConfigurationDocument {
    /// The environment variables with which each `${NAME}` in the file's values is replaced.
    ///
    /// If nil, the file's values stay as they are written, and `${file:PATH}` is not replaced either.
    private let environment: [String: String]?
    private let report: (String, Position) -> Void
    private let warn: (String, Position) -> Void
    private let noteVariables: ([String]) -> Void
    /// Reads a file to which a value refers as `${file:PATH}`.
    private let readSecret: (String) -> Result<[UInt8], FileProblem>
    /// The original names of the duplicate keys that `compose` has renamed, by the position of the key.
    private var renamed: [Position: String] = [:]
    private var nodesLeft = Self.nodesMax

    /// The largest number of values in a tree.
    ///
    /// Without this limit, YAML aliases could make a huge tree from a short file.
    static let nodesMax = 100_000

    init(environment: [String: String]?, reader: ConfigurationReader) {
        self.environment = environment
        report = { reader.report($0, at: $1) }
        warn = { reader.warn($0, at: $1) }
        noteVariables = { reader.noteVariables(ofValue: $0) }
        readSecret = { reader.readSecret($0) }
    }

    /// Returns the root of the tree; nil for an empty file.
    ///
    /// If the file cannot be parsed, the function reports an error and returns nil.
    mutating func parse(_ bytes: [UInt8]) -> ConfigurationNode? {
        var bytes = bytes[...]
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            bytes = bytes.dropFirst(3)
            warn("the file begins with a byte order mark, which is passed over", Position())
        } else if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            report("the file begins with a byte order mark of UTF-16: save it as UTF-8", Position())
            return nil
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            report("the file is not valid UTF-8", Position())
            return nil
        }
        guard let root = compose(text) else { return nil }
        let node = convert(root)
        if nodesLeft < 0 {
            report("the file has more than \(Self.nodesMax) values, counting what its aliases repeat", Position())
            return nil
        }
        return node
    }

    /// Parses the text, and continues after duplicate keys so that all errors are reported at once.
    ///
    /// Yams rejects a file at its first duplicate key and gives the position of the key's first occurrence. `compose`
    /// gives that occurrence another name of the same length and parses the text again. `entries(of:)` restores the
    /// original name.
    private mutating func compose(_ text: String) -> Node? {
        var scalars = Array(text.unicodeScalars)
        let lineStarts = [0] + scalars.indices.filter { scalars[$0] == "\n" }.map { $0 + 1 }
        while true {
            var source = String.UnicodeScalarView()
            source.append(contentsOf: scalars)
            do {
                return try Parser(yaml: String(source), encoding: .utf8).singleRoot()
            } catch YamlError.duplicatedKeysInMapping(let duplicates, let context) {
                // Yams sorts the duplicate keys by name, and reports the position of the first of them. It cannot sort
                // a key that is a list or a section. If there is such a key, the position may belong to any of the
                // duplicate keys, so the error is reported at the beginning of the file.
                guard let key = duplicates.first, !duplicates.contains(Self.noScalar) else {
                    report("a key must be a single word, not a list or a section, and stand once", Position())
                    return nil
                }
                let position = Position(context.mark)
                // The first character of the key's first occurrence is replaced by a character of Unicode's private use
                // area. Yams then sees two different keys, and parses the text that follows.
                guard let start = Self.start(of: key, at: position, in: scalars, lineStarts: lineStarts),
                    renamed.count < 1000, let standIn = Unicode.Scalar(0xE000 + UInt32(renamed.count))
                else {
                    let shown = ConfigurationSection.printable(key)
                    report("key '\(shown)' appears more than once in this section", Position())
                    return nil
                }
                scalars[start] = standIn
                renamed[position] = key
            } catch {
                let (message, position) = Self.problem(in: error)
                // libyaml adds a line end to the last line, and may then report an error after the end of the file.
                report(message, min(position, Position(after: text.utf8[...])))
                return nil
            }
        }
    }

    /// The name that Yams reports for a duplicate key that is a list or a section, in the spelling of Yams.
    private static let noScalar = "<uncovertable>"

    /// Returns the index in the file of a key's first character.
    ///
    /// Returns nil if the key is not written as plain text, but with an escape, an anchor or a tag.
    private static func start(
        of key: String,
        at position: Position,
        in scalars: [Unicode.Scalar],
        lineStarts: [Int]
    ) -> Int? {
        guard !key.isEmpty, lineStarts.indices.contains(position.line - 1) else { return nil }
        var start = lineStarts[position.line - 1] + position.column - 1
        guard scalars.indices.contains(start) else { return nil }
        if scalars[start] == "\"" || scalars[start] == "'" { start += 1 }
        return scalars[start...].starts(with: key.unicodeScalars) ? start : nil
    }

    private static func problem(in error: any Error) -> (String, Position) {
        switch error as? YamlError {
        case .scanner(let context, let problem, let mark, let yaml),
            .parser(let context, let problem, let mark, let yaml),
            .composer(let context, let problem, let mark, let yaml):
            let fault = YAMLFault(
                problem: problem,
                context: context?.text ?? "",
                contextStart: context.map { Position($0.mark) },
                line: line(mark.line, of: yaml),
                column: mark.column
            )
            let words = "not valid YAML: \(context.map { "\($0.text): " } ?? "")\(problem)"
            return (words + (fault.hint.map { "; \($0)" } ?? ""), Position(mark))
        case .reader(let problem, let offset, _, let yaml):
            return ("not valid YAML: \(problem)", Position(after: yaml.prefix(offset ?? 0).utf8))
        default:
            return ("not valid YAML: \(error)", Position())
        }
    }

    /// Returns a line of the text, counted from 1; empty if there is no such line.
    private static func line(_ number: Int, of text: String) -> String {
        let lines = text.unicodeScalars.split(omittingEmptySubsequences: false) { $0 == "\n" }
        guard lines.indices.contains(number - 1) else { return "" }
        return String(String.UnicodeScalarView(lines[number - 1]))
    }

    private mutating func convert(_ node: Node) -> ConfigurationNode {
        let position = node.mark.map(Position.init) ?? Position()
        nodesLeft -= 1
        guard nodesLeft >= 0 else { return ConfigurationNode(position: position, kind: .unusable) }
        switch node {
        case .scalar(let scalar):
            return ConfigurationNode(position: position, kind: expand(scalar, at: position))
        case .sequence(let sequence):
            return ConfigurationNode(position: position, kind: .sequence(sequence.map { convert($0) }))
        case .mapping(let mapping):
            return ConfigurationNode(position: position, kind: .mapping(entries(of: mapping)))
        case .alias:
            // The parser has resolved all aliases: this case is never reached.
            return ConfigurationNode(position: position, kind: .unusable)
        }
    }

    private func expand(_ scalar: Node.Scalar, at position: Position) -> ConfigurationNode.Kind {
        guard let environment else {
            return .scalar(text: scalar.string, raw: scalar.string, isPlain: scalar.style == .plain)
        }
        switch Expansion.expand(scalar.string, environment: environment, readFile: readSecret) {
        case .success(let text):
            noteVariables(Expansion.variables(in: scalar.string))
            return .scalar(text: text, raw: scalar.string, isPlain: scalar.style == .plain)
        case .failure(let problem):
            report(problem.message, position)
            return .unusable
        }
    }

    private mutating func entries(of mapping: Node.Mapping) -> [ConfigurationEntry] {
        var entries: [ConfigurationEntry] = []
        var firstLines: [String: Int] = [:]
        for (keyNode, valueNode) in mapping {
            let position = keyNode.mark.map(Position.init) ?? Position()
            guard case .scalar(let scalar) = keyNode else {
                report("a key must be a single word, not a list or a section", position)
                continue
            }
            let key = renamed[position] ?? scalar.string
            if let line = firstLines[key] {
                report("key '\(ConfigurationSection.printable(key))' appears twice: first on line \(line)", position)
                continue
            }
            firstLines[key] = position.line
            entries.append(ConfigurationEntry(key: key, keyPosition: position, value: convert(valueNode)))
        }
        return entries
    }
}

extension Position {
    fileprivate init(_ mark: Mark) {
        self.init(line: mark.line, column: mark.column)
    }

    /// Makes the position that follows `beginning`, the first part of a file; lines may end in LF, CR or CRLF.
    fileprivate init(after beginning: Substring.UTF8View) {
        self.init()
        var followsCR = false
        for scalar in Substring(beginning).unicodeScalars {
            if scalar == "\n", followsCR {
                followsCR = false
                continue
            }
            followsCR = scalar == "\r"
            if followsCR || scalar == "\n" { (line, column) = (line + 1, 1) } else { column += 1 }
        }
    }
}
