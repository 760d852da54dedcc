// Meters one stream: classifies its events, measures the time between them, and decides whether the stream is complete.

import CJSON

/// Classifies, counts and times the events of one stream.
///
/// A meter takes less than 200 bytes, because every stream has one.
package struct Meter: Sendable {
    /// The class of an event; it decides how the event is relayed and counted.
    package enum EventClass: Equatable, Sendable {
        /// The event has only comment lines, or is empty.
        case comment
        /// The event has no data, but an `id` or `retry` field, which clients remember.
        case fields
        /// The event has output of the model.
        case token
        /// The event has no output of the model: for example, it has only a role, or is a ping.
        case plain
        /// The event finishes a choice.
        case finish
        /// The event has an empty `choices` array and a `usage` object.
        case usage
        /// The event reports an error.
        case error
        /// The event shows that the engine has aborted the response. It has a finish reason such as `abort`, or it ends
        /// a stream that has had no event or whose finish reason is still empty.
        case broken
        /// The event is the last one of a complete stream, such as `[DONE]`, `message_stop` or `response.completed`.
        case end
    }

    package let dialect: Dialect
    /// How many choices must have finished before the stream is complete; at most 64.
    private let choices: UInt8
    /// Whether the event that is being read finishes a choice and also contains output of the model.
    private var finishCarriesText = false
    /// Whether the event that is being read contains nothing that a client uses, for example because its data is empty.
    private var saysNothing = false
    /// Whether the event that completes the stream has been read.
    ///
    /// After this event it does not matter how the HTTP framing ends.
    package private(set) var isComplete = false
    /// Whether an event had an `id` or `retry` field.
    ///
    /// After such a field, some clients read every blank line as the end of an event.
    package private(set) var hasOtherFields = false
    /// Whether an event had a `stop_reason` that is null or empty.
    private var hasNoStopReason = false
    /// Bit i is set if choice i, up to 63, has had a finish reason that is not empty.
    private var finished: UInt64 = 0
    /// Bit i is set if choice i, up to 63, has had a finish reason that is null or empty.
    private var unfinished: UInt64 = 0

    /// When the first event arrived, in nanoseconds of the monotonic clock; 0 if no event has arrived.
    ///
    /// Events of the classes `comment`, `fields`, `usage`, `broken` and `end` do not count. An event that contains
    /// nothing for the client does not count either if it comes before all other events.
    package private(set) var firstEvent: UInt64 = 0
    /// When the last event arrived, in nanoseconds; 0 if no event has arrived.
    ///
    /// Events of the classes `comment`, `fields`, `usage`, `broken` and `end` do not count, as described at
    /// `firstEvent`.
    package private(set) var lastEvent: UInt64 = 0
    /// When the first event with output of the model arrived, in nanoseconds; 0 if no such event has arrived.
    package private(set) var firstToken: UInt64 = 0
    /// When the last event with output of the model arrived, in nanoseconds; 0 if no such event has arrived.
    package private(set) var lastToken: UInt64 = 0
    /// The number of events, without those of the classes `comment`, `fields`, `usage`, `broken` and `end`.
    ///
    /// Events without content for the client are not counted either, as long as no other event has been counted.
    package private(set) var events = 0
    /// The number of events with output of the model, an estimate of the number of output tokens.
    package private(set) var tokens = 0
    /// The longest time between two consecutive events, in nanoseconds.
    package private(set) var longestGap: UInt64 = 0
    /// The sum of all times between two consecutive events, in nanoseconds.
    package private(set) var gapSum: UInt64 = 0

    /// The token counts of all `usage` objects so far.
    package private(set) var counts = TokenCounts()
    /// The value of `tokens` when the executor last reported a count of output tokens.
    private var countedTokens = 0
    /// The number of events with a `usage` object.
    package private(set) var usages: UInt32 = 0
    /// The first finish or stop reason; nil if the stream has had none.
    ///
    /// For OpenAI's responses, the reason is the last part of the final event's type, such as `completed`.
    package private(set) var finishReason: String?
    /// The id of the response, in OpenAI's responses; nil until an event that was scanned has it.
    package private(set) var responseID: String?
    /// The event that is being read in pieces, because it is large; the array has at most one element.
    ///
    /// An array stores the event outside of the meter, so that the meter stays small. Few streams have a large event.
    private var large: [LargeEvent] = []
    /// The first error that the stream has reported; the array has at most one element.
    ///
    /// An array stores the error outside of the meter, so that the meter stays small. Few streams have an error.
    private var errors: [EngineError] = [] { didSet { sawError = !errors.isEmpty } }
    /// Whether the first error is in a line that is not a `data` line; clients do not see such an error.
    package private(set) var isErrorBare = false

    /// Makes the meter of a stream.
    ///
    /// - Parameter choices: The number of choices that the client asked for; a number above 64 counts as 64.
    package init(dialect: Dialect, choices: Int = 1) {
        self.dialect = dialect
        self.choices = UInt8(max(1, min(choices, 64)))
    }

    /// The first error that the stream has reported; nil if there is none.
    package var error: EngineError? { errors.first }
    /// Whether the stream has reported an error.
    ///
    /// The property is stored, because a computed property would copy the meter each time another module reads it.
    package private(set) var sawError = false
    /// The number of prompt tokens that the executor has reported; nil if it has reported none.
    package var promptTokens: Int? { counts.prompt(in: dialect) }
    /// The number of output tokens that the executor has reported; nil if it has reported none.
    package var completionTokens: Int? { counts.output.value }
    /// Whether the executor has reported a count of output tokens, and no output has arrived since then.
    package var isOutputCounted: Bool { counts.output.value != nil && countedTokens >= tokens }
    /// The number of intervals between events, by which `gapSum` is divided for the mean interval.
    package var gapCount: Int { max(0, events - 1) }

    private var isEachFinished: Bool { finished.nonzeroBitCount >= Int(choices) }

    /// Whether the stream is complete if its HTTP framing ends cleanly now.
    package var isCompleteAtCleanEnd: Bool {
        switch dialect {
        case .openAIChat, .completions: isComplete || isEachFinished
        case .messages, .responses: isComplete
        case .embeddings, .countTokens, .tokenize, .rerank, .other: true
        }
    }

    /// Reads one whole event; the JSON in it is parsed only if nothing else shows the event's class.
    ///
    /// - Parameter now: The time in nanoseconds of the monotonic clock.
    package mutating func read(_ event: Span<UInt8>, at now: UInt64, scanner: JSONScanner) -> EventClass {
        let kind = classify(event, scanner: scanner)
        count(kind, at: now)
        return kind
    }

    /// Reads one piece of an event that is larger than `EventSplitter.limit` and therefore arrives in pieces.
    ///
    /// - Returns: The class of the event for its last piece, and `plain` for every other piece.
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
        count(found, at: now)
        return found
    }

    /// Whether `event` can be the last event of a complete stream whose HTTP framing then ends cleanly.
    ///
    /// The result is false if the JSON of the event is cut off. It is also false if the event is larger than
    /// `EventSplitter.limit`, unless the event's class is `end`. For an event that has only comment lines, the result
    /// is true, because the events before it decide whether the stream is complete. The meter does not change.
    package func isEnded(by event: Span<UInt8>, kind: EventSplitter.Kind, scanner: JSONScanner) -> Bool {
        var trial = self
        guard kind == .whole else { return trial.readPiece(event, kind: kind, at: 0, scanner: scanner) == .end }
        if trial.read(event, at: 0, scanner: scanner) == .end || EventLines.isComment(event) { return true }
        return scanner.scanEvent(event).isValid && trial.isCompleteAtCleanEnd
    }

    /// Counts an event, and measures the time since the event before it.
    private mutating func count(_ kind: EventClass, at now: UInt64) {
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

    /// Classifies an event by its lines or by byte patterns if possible, and otherwise by a scan of its JSON.
    private mutating func classify(_ event: Span<UInt8>, scanner: JSONScanner) -> EventClass {
        switch EventLines.payload(event) {
        case .comment: return .comment
        case .done:
            // `[DONE]` does not end a stream of Anthropic's messages or OpenAI's responses. In such a stream, `[DONE]`
            // is an event without content.
            guard !hasNamedEvents else {
                saysNothing = true
                return .plain
            }
            return ended()
        case .json(let range): if let kind = prefilter(event, range) { return kind }
        case .named(let start, let count):
            if hasNamedEvents, let kind = EventLines.prefilter(event, start, count) {
                if kind == .plain { saysNothing = EventLines.isPing(event, start, count) }
                return kind
            }
        case .other: break
        }
        return absorb(scanner.scanEvent(event))
    }

    /// Whether the events of the dialect have names, which classify them; `[DONE]` does not end a stream of named
    /// events.
    @inline(__always)
    private var hasNamedEvents: Bool { dialect == .messages || dialect == .responses }

    /// Searches for byte patterns that show whether a chunk with choices is of the class `token` or `plain`.
    ///
    /// - Returns: the class; nil if only a scan of the JSON can determine it.
    @inline(__always)
    private mutating func prefilter(_ event: Span<UInt8>, _ range: Range<Int>) -> EventClass? {
        let patterns = unsafe event.withUnsafeBufferPointer { bytes in
            unsafe cjson_prefilter(bytes.baseAddress! + range.lowerBound, range.count)
        }
        let significant = UInt32(CJSON_PATTERN_ERROR | CJSON_PATTERN_FINISH | CJSON_PATTERN_USAGE)
        let unusual = UInt32(CJSON_PATTERN_EMPTY_CHOICES | CJSON_PATTERN_LINE_END | CJSON_PATTERN_ESCAPE)
        // If the client asks for several choices, only a scan of the JSON shows to which choice a chunk belongs. A
        // chunk without choices is scanned as well, because some engines report errors in such chunks.
        let isPlain = choices == 1 && patterns & UInt32(CJSON_PATTERN_CHOICES) != 0
        guard patterns & (significant | unusual) == 0, isPlain, !hasNamedEvents else { return nil }
        if patterns & UInt32(CJSON_PATTERN_NO_FINISH) != 0 { unfinished |= 1 }
        return patterns & UInt32(CJSON_PATTERN_TEXT) != 0 ? .token : .plain
    }

    /// Ends the stream, and returns the class of its last event: `end` or `broken`.
    ///
    /// The stream is broken if a choice or message has had only finish reasons that are null or empty, or if no event
    /// came before the last one. A stream without any finish reason, not even a null one, is complete, because small
    /// engines omit the finish reason. A stream that has reported an error is never broken.
    private mutating func ended() -> EventClass {
        guard mayEnd else { return .broken }
        isComplete = true
        return .end
    }

    private var mayEnd: Bool {
        switch dialect {
        case .openAIChat, .completions: sawError || (events > 0 && (isEachFinished || unfinished & ~finished == 0))
        case .messages: sawError || (events > 0 && (!hasNoStopReason || finishReason != nil))
        case .responses, .embeddings, .countTokens, .tokenize, .rerank, .other: true
        }
    }

    /// Records the result of the scan of an event, and returns the event's class.
    private mutating func absorb(_ scan: AnswerScan) -> EventClass {
        hasOtherFields = hasOtherFields || scan.hasOtherFields
        guard scan.hasData || scan.error != nil else { return scan.hasOtherFields ? .fields : .comment }
        record(scan)
        return endsStream(scan) ? ended() : kind(of: scan)
    }

    /// Records what the scan of an event has found: token counts, finish reasons and an error.
    @inline(__always)
    private mutating func record(_ scan: AnswerScan) {
        if scan.hasUsage {
            counts.absorb(scan.tokens, in: dialect)
            usages &+= 1
            if scan.tokens.output.value != nil { countedTokens = tokens + (scan.hasText ? 1 : 0) }
        } else if scan.tokens.cached.value != nil {
            // Some versions of llama.cpp report the cached tokens in one event and the usage in another.
            counts.cached.take(scan.tokens.cached)
        }
        finished |= scan.finished
        unfinished |= scan.unfinished
        hasNoStopReason = hasNoStopReason || scan.hasNoStopReason
        if finishReason == nil { finishReason = scan.finishReason }
        if dialect == .responses, responseID == nil { responseID = scan.responseID }
        if let found = scan.error, errors.isEmpty {
            errors = [found]
            isErrorBare = scan.isErrorBare
        }
    }

    /// Whether the event ends a stream of the dialect.
    ///
    /// In OpenAI's responses, the type of the last event also provides the finish reason.
    @inline(__always)
    private mutating func endsStream(_ scan: AnswerScan) -> Bool {
        switch dialect {
        case .responses:
            guard EventLines.isTerminal(scan.type) else { return false }
            if finishReason == nil { finishReason = String(scan.type.dropFirst(9)) }
            return true
        case .messages: return scan.type == "message_stop"
        case .openAIChat, .completions, .embeddings, .countTokens, .tokenize, .rerank, .other: return scan.isDone
        }
    }

    /// The class of an event that does not end the stream.
    @inline(__always)
    private mutating func kind(of scan: AnswerScan) -> EventClass {
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
