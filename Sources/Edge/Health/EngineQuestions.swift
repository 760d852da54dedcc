// Decides which page of an engine is requested next, to learn the engine's kind, its load and the size of its cache.
internal import Routing
internal import Transport

/// Decides which question an engine is asked next; a value without connections or a clock.
///
/// The engine is asked only after it has passed a health probe: once for its kind and the size of its cache, and after
/// each probe for its load. If it says nothing on a topic, everything stays as it is without an answer, and the engine is
/// asked again rarely.
struct EngineQuestions: Equatable, Sendable {
    /// A request to the engine: a GET.
    struct Question: Equatable, Sendable {
        /// What the answer is for.
        var topic: Topic
        /// The path, without the path of the engine's URL.
        var path: String
    }

    /// What an answer is for.
    enum Topic: Sendable, CaseIterable {
        /// The kind of the engine.
        case kind
        /// How much the engine has to do.
        case load
        /// How large the engine's cache is, where the answers on its load do not say it.
        case size
    }

    /// What the answer to a question says.
    enum Outcome: Equatable, Sendable {
        /// The answer says what was asked.
        case said
        /// The answer says nothing: it is an error, or the engine does not have the page.
        case nothing
        /// There was no whole answer in time.
        case lost
        /// The answer shows that no further page will say it.
        case final
    }

    /// Which of the pages for one topic is asked next.
    private struct Progress: Equatable {
        /// The index of the page; the number of pages if none of them says anything.
        var page = 0
        /// How many questions for this page in a row were lost.
        var lost = 0
        /// Whether an answer has said what was asked.
        var isKnown = false
        /// The engine is not asked before this time.
        var again: Nanoseconds = 0
    }

    /// The time after which an engine that has said nothing on a topic is asked again, in nanoseconds.
    static let rarely: Nanoseconds = 600_000_000_000
    /// The shortest time between two questions for the load of an engine, in nanoseconds.
    static let loadInterval: Nanoseconds = 1_000_000_000
    /// After this many lost questions in a row, a page counts as one that says nothing.
    static let lostMax = 3

    private var progress: [Topic: Progress] = [:]
    /// The kind of the engine when it was asked last.
    private var engineKind = EngineKind.unknown

    /// The next question; nil if there is none for now.
    ///
    /// - Parameters:
    ///   - givenKind: the kind that the configuration gives; the kind is asked only if it is `unknown`.
    ///   - kind: the kind that the engine has as far as known.
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

    /// Takes the outcome of the question that `next` has returned.
    ///
    /// - Returns: whether no page has said anything on the topic, and none is left.
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

    /// Records that the answer on the load has said the size of the cache too, so that it is not asked.
    mutating func sizeIsKnown() { progress[.size, default: Progress()].isKnown = true }

    /// Begins anew, because the engine was lost and may have been replaced by another.
    mutating func engineWasLost() { self = EngineQuestions() }

    /// The pages that say something on a topic, in the order in which they are asked.
    private static func pages(on topic: Topic, of kind: EngineKind) -> [String] {
        switch (topic, kind) {
        // The list of models shows the kind of most engines. The metrics of vLLM need no key. Only Ollama's models can
        // have any owner, and its first page says what it is.
        case (.kind, _): ["/v1/models", "/metrics", "/"]
        // SGLang and llama.cpp have metrics only if a flag asks for them.
        case (.load, .vllm): ["/metrics"]
        case (.load, .sglang): ["/metrics", "/v1/loads", "/get_load"]
        case (.load, .llamaCpp): ["/metrics", "/slots"]
        case (.size, .sglang): ["/get_server_info", "/server_info"]
        case (.size, .llamaCpp): ["/props"]
        case (.load, _), (.size, _): []
        }
    }
}
