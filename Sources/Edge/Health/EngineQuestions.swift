// Decides which page of an engine is requested next, to learn its kind (such as vLLM), its load and its cache size.
internal import Routing
internal import Transport

/// Decides which question an engine is asked next.
///
/// This type only decides: its caller sends the requests, and passes the present time to each function.
///
/// The engine is asked only after it has passed a health probe. Its kind and its cache size are asked once, and its
/// load after each probe. If no page answers a question, the engine is asked again only after `rarely`, 10 minutes.
struct EngineQuestions: Equatable, Sendable {
    /// A question, which is a GET request for a page of the engine.
    struct Question: Equatable, Sendable {
        /// What is asked.
        var topic: Topic
        /// The path of the page, to be appended to the path of the engine's URL.
        var path: String
    }

    /// What a question is about.
    enum Topic: Sendable, CaseIterable {
        /// The kind of the engine, such as vLLM.
        case kind
        /// How many requests the engine has, and how full its cache is.
        case load
        /// The size of the engine's cache; asked only if the answers about the load do not contain it.
        case size
    }

    /// The result of a question.
    enum Outcome: Equatable, Sendable {
        /// The answer contains what was asked.
        case said
        /// The answer does not contain what was asked: it is an error, or the engine does not have the page.
        case nothing
        /// No complete answer has arrived in time.
        case lost
        /// The engine was asked which kind of engine it is, and its answer shows software of no known kind.
        ///
        /// The other pages that may show the kind are then not requested.
        case final
    }

    /// How far the questions on one topic have come; several pages, such as `/metrics`, may contain the answer.
    private struct Progress: Equatable {
        /// The index of the page that is requested next; after the last page, the number of pages.
        var page = 0
        /// How many times in a row this page was requested without a complete answer.
        var lost = 0
        /// Whether an answer has contained what was asked.
        var isKnown = false
        /// The time before which the engine is not asked about this topic again.
        var again: Nanoseconds = 0
    }

    /// How long an engine is not asked about a topic after no page has contained the answer, in nanoseconds: 10
    /// minutes.
    static let rarely: Nanoseconds = 600_000_000_000
    /// The shortest time between two questions for the load of an engine, in nanoseconds.
    static let loadInterval: Nanoseconds = 1_000_000_000
    /// If this many requests in a row for one page get no complete answer, the next page that can answer the question
    /// is requested.
    static let lostMax = 3

    private var progress: [Topic: Progress] = [:]
    /// The kind of the engine at the last call of `next`.
    private var engineKind = EngineKind.unknown

    /// The next question; nil if there is none for now.
    ///
    /// - Parameters:
    ///   - givenKind: the kind that the configuration gives. The engine is asked for its kind only if this is
    ///     `unknown`.
    ///   - kind: the kind of the engine, as far as it is known.
    mutating func next(givenKind: EngineKind, kind: EngineKind, at now: Nanoseconds) -> Question? {
        if kind != engineKind {
            engineKind = kind
            progress[.load] = nil
            progress[.size] = nil
        }
        for topic in Topic.allCases where topic != .kind || givenKind == .unknown {
            let pages = Self.pages(on: topic, of: kind)
            var asked = progress[topic, default: Progress()]
            guard !pages.isEmpty, !asked.isKnown, now >= asked.again else { continue }
            if asked.page >= pages.count { asked.page = 0 }
            progress[topic] = asked
            return Question(topic: topic, path: pages[asked.page])
        }
        return nil
    }

    /// Records the result of the question that `next` has returned.
    ///
    /// - Returns: true if the topic was given up for now: the pages on it have been requested without success, or the
    ///   outcome is `final`.
    mutating func answered(_ topic: Topic, _ outcome: Outcome, at now: Nanoseconds) -> Bool {
        let count = Self.pages(on: topic, of: engineKind).count
        var asked = progress[topic, default: Progress()]
        defer { progress[topic] = asked }
        switch outcome {
        case .said:
            asked.lost = 0
            if topic == .load { asked.again = now + Self.loadInterval } else { asked.isKnown = true }
            return false
        case .lost where asked.lost + 1 < Self.lostMax:
            asked.lost += 1
            asked.again = now + Self.loadInterval
            return false
        case .nothing, .lost:
            asked.lost = 0
            asked.page += 1
        case .final: asked.page = count
        }
        guard asked.page >= count else { return false }
        asked.again = now + Self.rarely
        return true
    }

    /// Records that an answer about the load contains the size of the cache, so that the size is not asked.
    mutating func sizeIsKnown() { progress[.size, default: Progress()].isKnown = true }

    /// Forgets everything, because the engine went down, and another engine may answer at its URL next.
    mutating func engineWasLost() { self = EngineQuestions() }

    /// The pages that can answer a question on a topic, in the order in which they are requested.
    private static func pages(on topic: Topic, of kind: EngineKind) -> [String] {
        switch (topic, kind) {
        // The list of models shows the kind of most engines. vLLM serves its metrics even to a request without a key.
        // In Ollama's list, the models can have any owner, but the page `/` of Ollama contains its name.
        case (.kind, _): ["/v1/models", "/metrics", "/"]
        // SGLang and llama.cpp serve `/metrics` only if they are started with a flag. If it does not contain the load,
        // the next page is requested.
        case (.load, .vllm): ["/metrics"]
        case (.load, .sglang): ["/metrics", "/v1/loads", "/get_load"]
        case (.load, .llamaCpp): ["/metrics", "/slots"]
        case (.size, .sglang): ["/get_server_info", "/server_info"]
        case (.size, .llamaCpp): ["/props"]
        case (.load, _), (.size, _): []
        }
    }
}
