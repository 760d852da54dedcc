// Meters the events of one stream: classifies each, measures their pace, and decides whether the stream is complete.

import CJSON

/// The state of one stream of events, in less than 200 bytes, since every stream has one.
package struct Meter: Sendable {
    /// The class of an event, which decides how it is relayed and counted.
    package enum EventClass: Equatable, Sendable {
        /// The event has only comments, or nothing.
        case comment
        /// The event has no data, but an `id` or `retry`, which readers of events remember.
        case fields
        /// The event has output of the model.
        case token
        /// The event has no output of the model, such as a role, a ping or the beginning of a block.
        case plain
        /// The event finishes a choice.
        case finish
        /// The event has an empty list of choices and a usage.
        case usage
        /// The event reports an error.
        case error
        /// The event shows that the attempt broke off: its reason is `abort` or `error`, or it ends a stream whose
        /// reason is still empty, or that has had no event.
        case broken
        /// The event is the last one of a complete stream, such as `[DONE]`, `message_stop` or `response.completed`.
        case end
    }

    package let dialect: Dialect
    /// The number of choices that must finish, at most 64.
    private let choices: UInt8
    /// Whether the event that is being read finishes a choice and has the last of its text.
    private var finishCarriesText = false
    /// Whether the event that is being read contains nothing that a client uses, such as one with empty data or without
    /// choices.
    private var saysNothing = false
    /// Whether the event that completes the stream has been read, so that the end of the framing does not matter any
    /// more.
    package private(set) var isComplete = false
    /// Whether an event had an `id` or a `retry`; then readers of events take each blank line for the end of an event.
    package private(set) var hasOtherFields = false
    /// Whether a message has an empty `stop_reason`.
    private var hasNoStopReason = false
    /// Bit i is set if choice i, up to 63, has a finish reason.
    private var finished: UInt64 = 0
    /// Bit i is set if choice i, up to 63, has had an empty finish reason.
    private var unfinished: UInt64 = 0

    /// The time of the first event, in nanoseconds of the monotonic clock; 0 before it.
    ///
    /// Comments, usages and ends do not count as events, nor do events before the first one that contains something for
    /// the client.
    package private(set) var firstEvent: UInt64 = 0
    /// The time of the last event, in nanoseconds; 0 before the first one.
    package private(set) var lastEvent: UInt64 = 0
    /// The time of the first event with output of the model, in nanoseconds; 0 before it.
    package private(set) var firstToken: UInt64 = 0
    /// The time of the last event with output of the model, in nanoseconds; 0 before the first one.
    package private(set) var lastToken: UInt64 = 0
    /// The number of events.
    package private(set) var events = 0
    /// The number of events with output of the model, which is the estimate of the tokens.
    package private(set) var tokens = 0
    /// The longest time between two events, in nanoseconds.
    package private(set) var longestGap: UInt64 = 0
    /// The sum of the times between two events, in nanoseconds.
    package private(set) var gapSum: UInt64 = 0

    /// The counts of all usages so far.
    package private(set) var counts = TokenCounts()
    /// The value of `tokens` at the last usage with a count of the output.
    private var countedTokens = 0
    /// The number of events with a usage.
    package private(set) var usages: UInt32 = 0
    /// The first finish or stop reason; for OpenAI's responses the last part of the terminal event's name.
    package private(set) var finishReason: String?
    /// The large event that is being read, at most one: an array stores it outside of the meter, since few streams have
    /// one.
    private var large: [LargeEvent] = []
    /// The first error, at most one: an array stores it outside of the meter, since few streams have one.
    private var errors: [EngineError] = [] { didSet { sawError = !errors.isEmpty } }
    /// Whether the first error stands in a line that readers of events skip.
    package private(set) var isErrorBare = false

    /// Makes the meter of a stream.
    ///
    /// - Parameter choices: The number of choices that the client asked for; above 64 it is taken for 64.
    package init(dialect: Dialect, choices: Int = 1) {
        self.dialect = dialect
        self.choices = UInt8(max(1, min(choices, 64)))
    }

    /// The first error that the stream has reported.
    package var error: EngineError? { errors.first }
    /// Whether the stream has reported an error; stored, because other modules would copy the meter to compute it.
    package private(set) var sawError = false
    /// The tokens of the prompt according to the executor.
    package var promptTokens: Int? { counts.prompt(in: dialect) }
    /// The tokens of the output according to the executor.
    package var completionTokens: Int? { counts.output.value }
    /// Whether no output has come since the last usage with a count of the output.
    package var isOutputCounted: Bool { counts.output.value != nil && countedTokens >= tokens }
    /// The number of gaps between events.
    package var gapCount: Int { max(0, events - 1) }

    private var isEachFinished: Bool { finished.nonzeroBitCount >= Int(choices) }

    /// Whether the stream is complete if its framing ends in order now.
    package var isCompleteAtCleanEnd: Bool {
        switch dialect {
        case .openAIChat, .completions: isComplete || isEachFinished
        case .messages, .responses: isComplete
        case .embeddings, .countTokens, .tokenize, .rerank, .other: true
        }
    }

    /// Reads one whole event; it is parsed only if the prefilter cannot classify it.
    ///
    /// - Parameter now: The time in nanoseconds of the monotonic clock.
    package mutating func read(_ event: Span<UInt8>, at now: UInt64, scanner: JSONScanner) -> EventClass {
        let kind = classify(event, scanner: scanner)
        count(kind, at: now)
        return kind
    }

    /// Reads a piece of an event that is larger than `EventSplitter.limit`; the event is classified with its last
    /// piece.
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

    /// Whether the stream is complete with this event, which is the last one before its framing ends in order.
    ///
    /// An event that is cut off does not complete the stream.
    package func isEnded(by event: Span<UInt8>, kind: EventSplitter.Kind, scanner: JSONScanner) -> Bool {
        var trial = self
        guard kind == .whole else { return trial.readPiece(event, kind: kind, at: 0, scanner: scanner) == .end }
        if trial.read(event, at: 0, scanner: scanner) == .end || EventLines.isComment(event) { return true }
        return scanner.scanEvent(event).isValid && trial.isCompleteAtCleanEnd
    }

    /// Counts an event and measures the gap before it.
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

    /// Classifies an event by its lines and the prefilter if possible, and otherwise by a scan.
    private mutating func classify(_ event: Span<UInt8>, scanner: JSONScanner) -> EventClass {
        switch EventLines.payload(event) {
        case .comment: return .comment
        case .done:
            // Only streams of choices end with `[DONE]`; in other streams it is one more event.
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

    /// Whether the name of an event tells what it is about, and `[DONE]` does not end the stream.
    @inline(__always)
    private var hasNamedEvents: Bool { dialect == .messages || dialect == .responses }

    /// The class of a chunk of choices if its bytes show that it has text or nothing at all; nil if it must be scanned.
    @inline(__always)
    private mutating func prefilter(_ event: Span<UInt8>, _ range: Range<Int>) -> EventClass? {
        let patterns = unsafe event.withUnsafeBufferPointer { bytes in
            unsafe cjson_prefilter(bytes.baseAddress! + range.lowerBound, range.count)
        }
        let significant = UInt32(CJSON_PATTERN_ERROR | CJSON_PATTERN_FINISH | CJSON_PATTERN_USAGE)
        let unusual = UInt32(CJSON_PATTERN_EMPTY_CHOICES | CJSON_PATTERN_LINE_END | CJSON_PATTERN_ESCAPE)
        // With several choices only a scan tells which one an event is about. A chunk without choices is scanned as
        // well, since some engines report errors in such chunks.
        let isPlain = choices == 1 && patterns & UInt32(CJSON_PATTERN_CHOICES) != 0
        guard patterns & (significant | unusual) == 0, isPlain, !hasNamedEvents else { return nil }
        if patterns & UInt32(CJSON_PATTERN_NO_FINISH) != 0 { unfinished |= 1 }
        return patterns & UInt32(CJSON_PATTERN_TEXT) != 0 ? .token : .plain
    }

    /// The class of the event with which a stream of the dialect ends.
    ///
    /// The stream is broken if it reported an empty reason and none later, or if it has no event before its end. A
    /// stream without any member for the reason is complete, since small engines leave the member out.
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

    /// Takes the result of the scan of an event, and classifies the event by it.
    private mutating func absorb(_ scan: AnswerScan) -> EventClass {
        hasOtherFields = hasOtherFields || scan.hasOtherFields
        guard scan.hasData || scan.error != nil else { return scan.hasOtherFields ? .fields : .comment }
        record(scan)
        return endsStream(scan) ? ended() : kind(of: scan)
    }

    /// Records usage, reasons and the first error.
    @inline(__always)
    private mutating func record(_ scan: AnswerScan) {
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
    }

    /// Whether the event is the one with which a stream of the dialect ends.
    ///
    /// The type of the last event of responses is also the reason.
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
