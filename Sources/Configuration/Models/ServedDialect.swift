// The words of the key `dialects`, which says what an executor speaks, and the paths that each word stands for.
internal import Inference
package import Routing

/// A dialect that an executor may have or lack, as a configuration file names it.
///
/// Paths that belong to no case, such as `/tokenize`, `/v1/score` and `/v1/audio/speech`, are asked for at every executor.
package enum ServedDialect: String, CaseIterable, Sendable {
    case chat, completions, embeddings, responses, messages, rerank

    /// The dialect to which a path belongs; nil if it belongs to none.
    private init?(of path: String, _ dialect: Dialect) {
        switch dialect {
        case .openAIChat: self = .chat
        case .completions: self = .completions
        case .embeddings: self = .embeddings
        case .responses: self = .responses
        case .messages, .countTokens: self = .messages
        case .rerank: self = .rerank
        case .tokenize, .other:
            guard path.hasPrefix("/v1/responses/") else { return nil }
            self = .responses
        }
    }

    /// The paths of an executor that has these dialects: all known paths but those of the other dialects.
    package static func paths(of dialects: [ServedDialect]) -> PathSet {
        var paths = PathSet.all
        for (index, (path, dialect)) in Dialect.paths.enumerated() {
            guard let found = ServedDialect(of: String(describing: path), dialect), !dialects.contains(found) else {
                continue
            }
            paths.subtract(PathSet(index: index))
        }
        return paths
    }
}

extension ExecutorSettings.Kind {
    /// The dialects that an executor of this kind has unless `dialects` says otherwise.
    ///
    /// Engines differ by version and by options, and their answers teach what they lack, so no dialect is left out that
    /// some version has. Only remote APIs are known to have one API alone.
    package var dialects: [ServedDialect] {
        switch self {
        case .auto, .vllm, .sglang, .llamaCpp, .ollama: ServedDialect.allCases
        case .openai: ServedDialect.allCases.filter { $0 != .messages }
        case .anthropic: [.messages]
        }
    }
}

extension ConfigurationSection {
    /// Returns the dialects in the value of `dialects`, each once; nil if the key is absent or has no valid value.
    func dialects() -> [ServedDialect]? {
        let key = "dialects"
        let names = ServedDialect.allCases.map(\.rawValue)
        let expected = "one or more of \(names.joined(separator: ", "))"
        guard let items = texts(key, expecting: expected) else { return nil }
        if sequence(key, expecting: expected)?.isEmpty == true { report(key, "is empty; expected \(expected)") }
        var found: [ServedDialect] = []
        for item in items {
            guard let dialect = ServedDialect(rawValue: item.text) else {
                let hint = NearestKey.nearest(to: item.text, among: names).map { "did you mean '\($0)'?" }
                let fault = "'\(Self.printable(item.text))' is no dialect; \(hint ?? "expected \(expected)")"
                reader.report("\(name(of: key)): \(fault)", at: item.position)
                continue
            }
            if !found.contains(dialect) { found.append(dialect) }
        }
        return found.isEmpty ? nil : found
    }
}
