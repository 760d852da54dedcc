// Reads the events of one stream: what each is, how they are paced, and whether the stream is complete.

import CJSON

package struct Meter: Sendable {
    /// What an event is to the relay.
    package enum EventClass: Equatable, Sendable {
        /// Only comments, or nothing.
        case comment
        /// Carries something that the model said.
        case token
        /// Carries none: a role, a ping, a block's begin.
        case plain
        /// A choice is finished.
        case finish
        /// `choices: []` and a usage: the event that is removed when it is we who asked for it.
        case usage
        case error
        /// The last event of a complete stream: `[DONE]`, `message_stop`, `response.completed` and its like.
        case end
    }

    package let dialect: Dialect
    /// How many choices must finish.
    private let choices: Int
    private var finished: UInt64 = 0
    /// The event being read finishes a choice and has the last of its text.
    private var finishCarriesText = false

    /// In nanoseconds, 0 until there is one; comments, usage and ends are not counted as events.
    package private(set) var firstEvent: UInt64 = 0
    package private(set) var lastEvent: UInt64 = 0
    package private(set) var firstToken: UInt64 = 0
    package private(set) var lastToken: UInt64 = 0
    package private(set) var events = 0
    package private(set) var tokens = 0
    /// Gaps between events that follow each other; there is one less than `events`.
    package private(set) var longestGap: UInt64 = 0
    package private(set) var gapSum: UInt64 = 0

    package private(set) var promptTokens: Int?
    package private(set) var completionTokens: Int?
    package private(set) var finishReason: String?
    /// The first error event; at most one, by reference, since every stream has a meter.
    private var errors: [EngineError] = []
    /// The event that told it is none to readers of events, which skip such lines.
    package private(set) var isErrorBare = false
    /// The event has been read that makes the stream complete, whatever its framing does after.
    package private(set) var isComplete = false

    package init(dialect: Dialect, choices: Int = 1) {
        self.dialect = dialect
        self.choices = max(1, choices)
    }

    package var error: EngineError? { errors.first }
    package var sawError: Bool { !errors.isEmpty }
    package var gapCount: Int { max(0, events - 1) }

    /// Whether the stream is complete when its framing ends cleanly here.
    package var isCompleteAtCleanEnd: Bool {
        switch dialect {
        case .openAIChat, .completions: isComplete || finished.nonzeroBitCount >= min(choices, 64)
        case .messages, .responses: isComplete
        case .embeddings, .countTokens, .rerank, .other: true
        }
    }

    /// Reads one whole event; the scanner is asked only about events that a glance cannot tell.
    ///
    /// `now` is in nanoseconds.
    package mutating func read(_ event: Span<UInt8>, at now: UInt64, scanner: JSONScanner) -> EventClass {
        let kind = classify(event, scanner: scanner)
        note(kind, at: now)
        return kind
    }

    /// Reads a piece of an event that is too large to be whole.
    ///
    /// Of such only the head is looked at, for its name: an error or a usage inside of it goes unseen.
    package mutating func readPiece(_ piece: Span<UInt8>, kind: EventSplitter.Kind, at now: UInt64) -> EventClass {
        var found = EventClass.plain
        if kind == .firstPiece {
            let name = EventLines.name(piece)
            switch dialect {
            case .responses where EventLines.isTerminal(name): found = .end
            case .messages where name == "message_stop": found = .end
            default: found = .token
            }
            if name == "response.failed" { errors = [EngineError(body: piece)] }
            if found == .end { finished = .max }
            note(found, at: now)
        }
        // The end is complete only with its last byte.
        if kind == .lastPiece, finished == .max, dialect == .responses || dialect == .messages {
            isComplete = true
            found = .end
        } else if found == .end {
            found = .plain
        }
        return found
    }

    private mutating func note(_ kind: EventClass, at now: UInt64) {
        switch kind {
        case .comment, .end, .usage: return
        case .token, .plain, .finish, .error: break
        }
        if events == 0 {
            firstEvent = now
        } else {
            let gap = now > lastEvent ? now - lastEvent : 0
            longestGap = max(longestGap, gap)
            gapSum += gap
        }
        lastEvent = now
        events += 1
        guard kind == .token || finishCarriesText else { return }
        finishCarriesText = false
        if tokens == 0 { firstToken = now }
        lastToken = now
        tokens += 1
    }

    private mutating func classify(_ event: Span<UInt8>, scanner: JSONScanner) -> EventClass {
        switch EventLines.payload(event) {
        case .comment: return .comment
        case .done:
            // Only streams of choices end so; elsewhere it is one more event.
            guard dialect != .messages, dialect != .responses else { return .plain }
            isComplete = true
            return .end
        case .json(let range):
            let seen = unsafe event.withUnsafeBufferPointer { bytes in
                unsafe cjson_glance(bytes.baseAddress! + range.lowerBound, range.count)
            }
            let asks = UInt32(CJSON_SEEN_ERROR | CJSON_SEEN_FINISH | CJSON_SEEN_USAGE)
            let odd = UInt32(CJSON_SEEN_EMPTY_CHOICES | CJSON_SEEN_BREAK)
            // A chunk without choices is none: some engines tell errors so.
            let isChunk = seen & UInt32(CJSON_SEEN_CHOICES) != 0
            if seen & (asks | odd) == 0, isChunk, dialect != .messages, dialect != .responses {
                return seen & UInt32(CJSON_SEEN_TEXT) != 0 ? .token : .plain
            }
        case .named(let start, let count):
            if dialect == .messages || dialect == .responses, let kind = EventLines.harmless(event, start, count) {
                return kind
            }
        case .other: break
        }
        return absorb(scanner.scanEvent(event))
    }

    private mutating func absorb(_ scan: AnswerScan) -> EventClass {
        guard scan.hasData || scan.error != nil else { return .comment }
        if scan.hasUsage {
            promptTokens = scan.promptTokens ?? promptTokens
            completionTokens = scan.completionTokens ?? completionTokens
        }
        finished |= scan.finished
        if finishReason == nil { finishReason = scan.finishReason }
        if let found = scan.error, errors.isEmpty {
            errors = [found]
            isErrorBare = scan.isErrorBare
        }
        switch dialect {
        case .responses where EventLines.isTerminal(scan.type), .messages where scan.type == "message_stop":
            isComplete = true
            if dialect == .responses, finishReason == nil { finishReason = String(scan.type.dropFirst(9)) }
            return .end
        default: break
        }
        if scan.error != nil { return .error }
        if scan.finished != 0 {
            finishCarriesText = scan.hasText
            return .finish
        }
        if scan.hasUsage, scan.hasEmptyChoices { return .usage }
        return scan.hasText ? .token : .plain
    }
}
