// The values of the configuration key `dialects`: the APIs that an executor can offer, and the request paths of each
// API.
internal import Inference
package import Routing

/// An API that an executor may offer, under its name in a configuration file.
///
/// Some paths belong to no API of this list, such as `/tokenize`, `/v1/score` and `/v1/audio/speech`. Requests for
/// these paths may go to every executor.
package enum ServedDialect: String, CaseIterable, Sendable {
    case chat, completions, embeddings, responses, messages, rerank

    /// The API to which a request path belongs; nil if it belongs to none of these APIs.
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

    /// The request paths that may go to an executor which offers these APIs: all known paths, except the paths of the
    /// APIs that are not in `dialects`.
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
    /// The APIs that an executor with this software is assumed to offer, unless the configuration sets `dialects`.
    ///
    /// Which APIs an engine offers depends on its version and its options. So the list has every API that some version
    /// offers, and the server learns from an engine's answers which of them are missing. For the remote APIs of
    /// `openai` and `anthropic`, it is known which APIs are missing.
    package var dialects: [ServedDialect] {
        switch self {
        case .auto, .vllm, .sglang, .llamaCpp, .ollama: ServedDialect.allCases
        case .openai: ServedDialect.allCases.filter { $0 != .messages }
        case .anthropic: [.messages]
        }
    }
}

extension ConfigurationSection {
    /// Reads the key `dialects`, a list of APIs, and returns each of them once; nil if there is no valid value.
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
