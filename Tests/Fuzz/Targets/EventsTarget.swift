// Fuzzes server-sent events: wherever reads cut the stream, the splitter that finds its events loses no byte, and
// the meter reads the same token counts.
import Inference

final class EventsTarget: FuzzTarget {
    static let name = "events"
    private let scanner = JSONScanner()

    func run(_ input: FuzzInput, _ findings: Findings) {
        var input = input
        let form = input.choice()
        let cuts = Cuts(input.choice())
        // Each byte with the value 1 becomes a thousand letters `x`, so that a short input can make an event that
        // exceeds the splitter's limit.
        let all = input.rest.lazy.flatMap { [UInt8](repeating: $0 == 1 ? 0x78 : $0, count: $0 == 1 ? 1000 : 1) }
        // The splitter drops a byte order mark, which would make the comparison of bytes fail.
        let bytes = Array(all.prefix(80_000).drop { $0 == 0xEF })
        let dialect = Dialect.allCases[Int(form & 7)]
        let choices = Int(form >> 3 & 3) + 1
        let read = { StreamStory(bytes, cuts: $0, dialect, choices, self.scanner, findings) }
        let whole = read(.none)
        for other in [read(cuts)] + (bytes.count < 4096 ? [read(.everywhere)] : []) {
            findings.expect(whole.events == other.events, "other events when cut: \(shown(bytes))")
            guard !whole.hasPieces, !other.hasPieces else { continue }
            findings.expect(whole.meter == other.meter, "\(whole.meter) when cut is \(other.meter): \(shown(bytes))")
        }
    }
}

/// What the splitter and the meter make of one stream: its events, and the meter's final state.
private struct StreamStory {
    /// The events without surrounding line ends; an event of line ends only is left out.
    ///
    /// After a line that ends in CR, a CR LF may be read as one line end or as two, depending on the cuts.
    var events: [[UInt8]] = []
    var hasPieces = false
    var meter = ""

    init(
        _ bytes: [UInt8],
        cuts: Cuts,
        _ dialect: Dialect,
        _ choices: Int,
        _ scanner: JSONScanner,
        _ findings: Findings
    ) {
        var cuts = cuts
        var splitter = EventSplitter()
        var reader = MeterReader(dialect: dialect, choices: choices, scanner: scanner)
        var relayed: [UInt8] = []
        var parts: [UInt8] = []
        var events: [[UInt8]] = []
        var hasPieces = false
        func take(_ event: Span<UInt8>, _ kind: EventSplitter.Kind) {
            let copy = event.withUnsafeBufferPointer { Array($0) }
            relayed += copy
            switch kind {
            case .whole:
                findings.expect(parts.isEmpty, "a whole event inside of another")
                findings.expect(Self.endsInBlankLine(copy), "no blank line at the end of \(shown(copy))")
                Self.add(copy, to: &events)
                reader.read(copy, findings)
            case .firstPiece, .piece, .lastPiece:
                hasPieces = true
                findings.expect(parts.isEmpty == (kind == .firstPiece), "\(kind) out of its order")
                parts += copy
                reader.readPiece(copy, kind, findings)
                guard kind == .lastPiece else { return }
                Self.add(parts, to: &events)
                parts = []
            }
        }
        for piece in cuts.pieces(of: bytes.count) {
            splitter.feed(bytes.span.extracting(piece), take)
            let isWhole = relayed.count + splitter.pending == piece.upperBound
            findings.expect(isWhole, "\(relayed.count) and \(splitter.pending) of \(piece.upperBound) bytes")
            // A full buffer may hold up to two further bytes of a line end.
            findings.expect(splitter.pending <= EventSplitter.limit + 2, "\(splitter.pending) bytes are kept")
        }
        let isClean = splitter.finish(take)
        findings.expect(bytes.prefix(relayed.count) == relayed[...], "other bytes than came: \(shown(relayed))")
        findings.expect(isClean == (splitter.isBetweenEvents && parts.isEmpty), "a clean end inside of an event")
        findings.expect(!isClean || relayed.count == bytes.count, "a clean end that keeps \(splitter.pending) bytes")
        self.events = events
        self.hasPieces = hasPieces
        meter = reader.summary
    }

    private static func isLineEnd(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }

    private static func add(_ event: [UInt8], to events: inout [[UInt8]]) {
        var event = event[...]
        while let first = event.first, isLineEnd(first) { event = event.dropFirst() }
        while let last = event.last, isLineEnd(last) { event = event.dropLast() }
        if !event.isEmpty { events.append(Array(event)) }
    }

    /// Whether the event ends in an empty line, or consists of line ends only.
    private static func endsInBlankLine(_ event: [UInt8]) -> Bool {
        let ends = event[(event.lastIndex { !isLineEnd($0) }.map { $0 + 1 } ?? 0)...]
        return ends.count == event.count ? !ends.isEmpty : ends.count >= 2 && !ends.elementsEqual([0x0D, 0x0A])
    }
}

/// A meter that checks invariants from event to event.
private struct MeterReader {
    private var meter: Meter
    private let scanner: JSONScanner
    private var now: UInt64 = 1000

    init(dialect: Dialect, choices: Int, scanner: JSONScanner) {
        meter = Meter(dialect: dialect, choices: choices)
        self.scanner = scanner
    }

    var summary: String {
        "\(meter.events) events, \(meter.tokens) tokens, \(meter.promptTokens ?? -1), \(meter.completionTokens ?? -1), "
            + "\(meter.finishReason ?? "-"), complete \(meter.isComplete), \(meter.isCompleteAtCleanEnd), "
            + "\(String(describing: meter.error)), \(meter.longestGap), \(meter.gapSum)"
    }

    mutating func read(_ event: [UInt8], _ findings: Findings) {
        let kind = step(event, findings) { [scanner] in $0.read(event.span, at: $1, scanner: scanner) }
        guard let value = strictPayload(of: event) else { return }
        let scan = scanner.scanEvent(event.span)
        let choices = meter.dialect.streamsChoices || ![.messages, .responses].contains(meter.dialect)
        // Before the meter parses an event, it searches the bytes for patterns of an error, a finish or a usage.
        // This search may find too much, but must miss nothing that the JSON contains.
        if scan.error != nil { findings.expect(meter.sawError, "an error unseen: \(shown(event))") }
        if choices, scan.finished != 0, scan.error == nil {
            findings.expect(kind == .finish || scan.isBroken, "a finish taken for \(kind): \(shown(event))")
        }
        if choices, scan.hasUsage { findings.expect(kind != .token || scan.hasText, "usage for \(kind)") }
        findings.expect(scan.isValid, "a scan cannot follow \(shown(event))")
        if case .object(let members) = value, let usage = members.first(where: { $0.key == "usage" })?.value,
            case .object = usage
        {
            findings.expect(scan.hasUsage, "a usage unseen: \(shown(event))")
        }
    }

    mutating func readPiece(_ piece: [UInt8], _ kind: EventSplitter.Kind, _ findings: Findings) {
        _ = step(piece, findings) { [scanner] in $0.readPiece(piece.span, kind: kind, at: $1, scanner: scanner) }
    }

    private mutating func step(
        _ event: [UInt8],
        _ findings: Findings,
        _ read: (inout Meter, UInt64) -> Meter.EventClass
    ) -> Meter.EventClass {
        let before = meter
        // An event of line ends only may come as one event or as two, depending on the cuts. So it does not advance
        // the clock.
        if !event.allSatisfy({ $0 == 0x0A || $0 == 0x0D }) { now += 10 }
        let kind = read(&meter, now)
        findings.expect(meter.events - before.events <= 1 && meter.events >= before.events, "events went wrong")
        findings.expect(meter.tokens - before.tokens <= 1 && meter.tokens >= before.tokens, "tokens went wrong")
        findings.expect(meter.tokens <= meter.events, "\(meter.tokens) tokens of \(meter.events) events")
        findings.expect(meter.isComplete || !before.isComplete, "complete, and then not")
        findings.expect(meter.sawError || !before.sawError, "an error, and then none")
        findings.expect(meter.gapSum >= meter.longestGap && meter.gapSum >= before.gapSum, "gaps went wrong")
        findings.expect(kind != .error || meter.sawError, "an error event without an error")
        findings.expect(kind != .end || meter.isComplete, "an end of a stream that is not complete")
        return kind
    }

    /// The JSON object of an event that is one plain `data:` line; nil if a strict parser rejects it.
    private func strictPayload(of event: [UInt8]) -> JSONValue? {
        var line = event[...]
        while let last = line.last, last == 0x0A || last == 0x0D { line = line.dropLast() }
        guard line.starts(with: "data: {".utf8), line.last == UInt8(ascii: "}") else { return nil }
        // The meter's search for byte patterns does not recognise keys with escapes, and parsers disagree on repeated
        // keys. So events with either are not compared.
        guard !line.contains(where: { $0 == 0x5C || $0 == 0x0A || $0 == 0x0D || $0 >= 0x80 }) else { return nil }
        guard let value = JSONValue(parsing: Array(line.dropFirst(6))), isPlain(value, depth: 0) else { return nil }
        return value
    }

    private func isPlain(_ value: JSONValue, depth: Int) -> Bool {
        switch value {
        case .object(let members):
            depth < 20 && Set(members.map(\.key)).count == members.count
                && members.allSatisfy { isPlain($0.value, depth: depth + 1) }
        case .array(let values): depth < 20 && values.allSatisfy { isPlain($0, depth: depth + 1) }
        default: true
        }
    }
}
