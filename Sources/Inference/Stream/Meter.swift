// Reads the events of one stream: what each is, how they are paced, and whether the stream is complete.

import CJSON

package struct Meter: Sendable {
    /// What an event is to the relay.
    package enum EventClass: Equatable, Sendable {
        /// Only comments, or nothing.
        case comment
        /// No data, but an `id` or `retry` that readers of events keep.
        case fields
        /// Carries something that the model said.
        case token
        /// Carries none: a role, a ping, a block's begin.
        case plain
        /// A choice is finished.
        case finish
        /// `choices: []` and a usage.
        case usage
        case error
        /// It says that the attempt broke: a reason `abort` or `error`, or an end of what has no reason to have ended or
        /// has not even begun.
        case broken
        /// The last event of a complete stream: `[DONE]`, `message_stop`, `response.completed` and its like.
        case end
    }

    package let dialect: Dialect
    /// How many choices must finish, 64 at most.
    private let choices: UInt8
    /// The event being read finishes a choice and has the last of its text.
    private var finishCarriesText = false
    /// The event being read says nothing to a client: empty data, no choices.
    private var saysNothing = false
    /// The event has been read that makes the stream complete, whatever its framing does after.
    package private(set) var isComplete = false
    /// An event had an `id` or a `retry`: readers of events then take each blank line for the end of an event.
    package private(set) var hasOtherFields = false
    /// A message has said that it has no `stop_reason`.
    private var hasNoStopReason = false
    /// Bits of choices, the last of them for all from 63 on: those that are finished, and those that said they are not.
    private var finished: UInt64 = 0
    private var unfinished: UInt64 = 0

    /// In nanoseconds, 0 until there is one; comments, usage and ends are not counted as events,
    /// nor are those before the first one that says something.
    package private(set) var firstEvent: UInt64 = 0
    package private(set) var lastEvent: UInt64 = 0
    package private(set) var firstToken: UInt64 = 0
    package private(set) var lastToken: UInt64 = 0
    package private(set) var events = 0
    package private(set) var tokens = 0
    /// Gaps between events that follow each other; there is one less than `events`.
    package private(set) var longestGap: UInt64 = 0
    package private(set) var gapSum: UInt64 = 0

    /// The counts of the usages so far.
    package private(set) var counts = TokenCounts()
    /// How many tokens had come with the last usage that counts the output.
    private var countedTokens = 0
    /// How many events had a usage.
    package private(set) var usages: UInt32 = 0
    package private(set) var finishReason: String?
    /// At most one, by reference: hardly any stream has such an event.
    private var large: [LargeEvent] = []
    /// The first error event; at most one, by reference, since every stream has a meter.
    private var errors: [EngineError] = []
    /// The event that told it is none to readers of events, which skip such lines.
    package private(set) var isErrorBare = false

    package init(dialect: Dialect, choices: Int = 1) {
        self.dialect = dialect
        self.choices = UInt8(max(1, min(choices, 64)))
    }

    package var error: EngineError? { errors.first }
    package var sawError: Bool { !errors.isEmpty }
    package var promptTokens: Int? { counts.prompt(in: dialect) }
    package var completionTokens: Int? { counts.output.value }
    /// No text has come since the executor has counted what it generated.
    package var isOutputCounted: Bool { counts.output.value != nil && countedTokens >= tokens }
    package var gapCount: Int { max(0, events - 1) }

    private var isEachFinished: Bool { finished.nonzeroBitCount >= Int(choices) }

    /// Whether the stream is complete when its framing ends cleanly here.
    package var isCompleteAtCleanEnd: Bool {
        switch dialect {
        case .openAIChat, .completions: isComplete || isEachFinished
        case .messages, .responses: isComplete
        case .embeddings, .countTokens, .tokenize, .rerank, .other: true
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

    /// Reads a piece of an event that is too large to be whole; what it is shows with its last piece.
    package mutating func readPiece(
        _ piece: Span<UInt8>,
        kind: EventSplitter.Kind,
        at now: UInt64,
        scanner: JSONScanner
    ) -> EventClass {
        if kind == .firstPiece {
            large = [LargeEvent()]
            if EventLines.name(piece) == "response.failed" { errors = [EngineError(body: piece)] }
        }
        guard !large.isEmpty else { return .plain }
        large[0].take(piece)
        guard kind == .lastPiece else { return .plain }
        var found = EventClass.token
        if let summary = large[0].summary { found = absorb(scanner.scanEvent(summary.span)) }
        if found == .plain { found = .token }
        large = []
        note(found, at: now)
        return found
    }

    /// Whether the stream is complete with this event, the last one before its framing ends in order.
    ///
    /// False when the event is cut.
    package func isEnded(by event: Span<UInt8>, kind: EventSplitter.Kind, scanner: JSONScanner) -> Bool {
        var trial = self
        guard kind == .whole else { return trial.readPiece(event, kind: kind, at: 0, scanner: scanner) == .end }
        if trial.read(event, at: 0, scanner: scanner) == .end || EventLines.isComment(event) { return true }
        return scanner.scanEvent(event).isValid && trial.isCompleteAtCleanEnd
    }

    private mutating func note(_ kind: EventClass, at now: UInt64) {
        switch kind {
        case .comment, .fields, .end, .usage, .broken: return
        case .plain where saysNothing:
            saysNothing = false
            if events == 0 { return }
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
            guard dialect != .messages, dialect != .responses else {
                saysNothing = true
                return .plain
            }
            return ended()
        case .json(let range):
            let seen = unsafe event.withUnsafeBufferPointer { bytes in
                unsafe cjson_glance(bytes.baseAddress! + range.lowerBound, range.count)
            }
            let asks = UInt32(CJSON_SEEN_ERROR | CJSON_SEEN_FINISH | CJSON_SEEN_USAGE)
            let odd = UInt32(CJSON_SEEN_EMPTY_CHOICES | CJSON_SEEN_BREAK | CJSON_SEEN_ESCAPE)
            // Of several choices only the scanner tells which one an event is about. A chunk without choices is none:
            // some engines tell errors so.
            let isPlain = choices == 1 && seen & UInt32(CJSON_SEEN_CHOICES) != 0
            if seen & (asks | odd) == 0, isPlain, dialect != .messages, dialect != .responses {
                if seen & UInt32(CJSON_SEEN_NO_FINISH) != 0 { unfinished |= 1 }
                return seen & UInt32(CJSON_SEEN_TEXT) != 0 ? .token : .plain
            }
        case .named(let start, let count):
            if dialect == .messages || dialect == .responses, let kind = EventLines.prefilter(event, start, count) {
                if kind == .plain { saysNothing = EventLines.isPing(event, start, count) }
                return kind
            }
        case .other: break
        }
        return absorb(scanner.scanEvent(event))
    }

    /// What the dialect's own end is: none where the stream says that there is no reason to have ended, or said nothing.
    ///
    /// A stream that has no member for the reason may end: small engines leave it out.
    private mutating func ended() -> EventClass {
        let hasReason =
            switch dialect {
            case .openAIChat, .completions:
                sawError || (events > 0 && (isEachFinished || unfinished & ~finished == 0))
            case .messages: sawError || (events > 0 && (!hasNoStopReason || finishReason != nil))
            case .responses, .embeddings, .countTokens, .tokenize, .rerank, .other: true
            }
        guard hasReason else { return .broken }
        isComplete = true
        return .end
    }

    private mutating func absorb(_ scan: AnswerScan) -> EventClass {
        hasOtherFields = hasOtherFields || scan.hasOtherFields
        guard scan.hasData || scan.error != nil else { return scan.hasOtherFields ? .fields : .comment }
        if scan.hasUsage {
            counts.absorb(scan.tokens, in: dialect)
            usages &+= 1
            if scan.tokens.output.value != nil { countedTokens = tokens + (scan.hasText ? 1 : 0) }
        }
        finished |= scan.finished
        unfinished |= scan.unfinished
        hasNoStopReason = hasNoStopReason || scan.hasNoStopReason
        if finishReason == nil { finishReason = scan.finishReason }
        if let found = scan.error, errors.isEmpty {
            errors = [found]
            isErrorBare = scan.isErrorBare
        }
        switch dialect {
        case .responses where EventLines.isTerminal(scan.type):
            if finishReason == nil { finishReason = String(scan.type.dropFirst(9)) }
            return ended()
        case .messages where scan.type == "message_stop": return ended()
        case .responses, .messages: break
        case .openAIChat, .completions, .embeddings, .countTokens, .tokenize, .rerank, .other:
            if scan.isDone { return ended() }
        }
        if scan.error != nil { return .error }
        if scan.isBroken { return .broken }
        if scan.finished != 0 {
            finishCarriesText = scan.hasText
            return .finish
        }
        if scan.hasUsage, scan.hasEmptyChoices { return .usage }
        saysNothing = scan.saysNothing(in: dialect)
        return scan.hasText ? .token : .plain
    }
}
