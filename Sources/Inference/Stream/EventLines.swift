// Classifies an event by its lines, and finds the part of an event that may report an error.

import CJSON

/// Reads the lines of one event; holds no state.
package enum EventLines {
    /// The form of an event, as its lines show it.
    enum Payload {
        /// The event has only comment lines, or is empty.
        case comment
        /// The first line is a `data` field whose value begins with `[DONE]`.
        case done
        /// The first line is a `data` field whose value begins with `{`, and the event's last byte, apart from line
        /// ends, is `}`. The range is from the first brace to the last one, including both.
        case json(Range<Int>)
        /// The first line is an `event` field. The values are the index at which the event's name begins, and the
        /// name's length in bytes.
        case named(Int, Int)
        case other
    }

    @inline(__always)
    private static func isLineEnd(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }

    /// Classifies an event by its first line and its last byte.
    static func payload(_ event: Span<UInt8>) -> Payload {
        var end = event.count
        while end > 0, isLineEnd(event[end - 1]) { end -= 1 }
        guard end > 0 else { return .comment }
        var start = 0
        while isLineEnd(event[start]) { start += 1 }
        if event[start] == UInt8(ascii: ":") { return isComment(event, start, end) ? .comment : .other }
        if hasPrefix(event, "data:", at: start, end) {
            return data(event, afterSpace(event, at: start + 5, end), end)
        }
        guard hasPrefix(event, "event:", at: start, end) else { return .other }
        start = afterSpace(event, at: start + 6, end)
        var stop = start
        while stop < end, !isLineEnd(event[stop]) { stop += 1 }
        return .named(start, stop - start)
    }

    /// The index at which a field's value begins; `index` is the one after the field's colon.
    ///
    /// If a space follows the colon, the value begins after this space.
    @inline(__always)
    private static func afterSpace(_ event: Span<UInt8>, at index: Int, _ end: Int) -> Int {
        index < end && event[index] == 0x20 ? index + 1 : index
    }

    /// Classifies an event by the value of its first `data` field.
    @inline(__always)
    private static func data(_ event: Span<UInt8>, _ start: Int, _ end: Int) -> Payload {
        guard start < end else { return .other }
        if event[start] == UInt8(ascii: "{"), event[end - 1] == UInt8(ascii: "}") { return .json(start..<end) }
        return hasPrefix(event, "[DONE]", at: start, end) ? .done : .other
    }

    /// Whether the event has only comment lines, or is empty.
    static func isComment(_ event: Span<UInt8>) -> Bool {
        if case .comment = payload(event) { return true }
        return false
    }

    private static func isComment(_ event: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        for index in start..<end where isLineEnd(event[index]) && !isLineEnd(event[index + 1]) {
            if event[index + 1] != UInt8(ascii: ":") { return false }
        }
        return true
    }

    private static func hasPrefix(_ event: Span<UInt8>, _ text: StaticString, at start: Int, _ end: Int) -> Bool {
        let count = text.utf8CodeUnitCount
        guard end - start >= count else { return false }
        for index in 0..<count where unsafe event[start + index] != text.utf8Start[index] { return false }
        return true
    }

    /// Whether the first bytes of a response without a content type are the beginning of a stream of events.
    ///
    /// - Returns: nil if the bytes that have arrived are too few to tell.
    package static func begins(_ bytes: Span<UInt8>) -> Bool? {
        var start = 0
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        if bytes.count > 0, bytes[0] == mark[0] {
            guard (0..<min(3, bytes.count)).allSatisfy({ bytes[$0] == mark[$0] }) else { return false }
            guard bytes.count >= 3 else { return nil }
            start = 3
        }
        while start < bytes.count, isLineEnd(bytes[start]) { start += 1 }
        let count = bytes.count - start
        guard count > 0 else { return nil }
        let fields: [StaticString] = [":", "data:", "event:", "id:", "retry:"]
        if fields.contains(where: { hasPrefix(bytes, $0, at: start, bytes.count) }) { return true }
        let isBegun = fields.contains { field in
            count < field.utf8CodeUnitCount
                && (0..<count).allSatisfy { unsafe bytes[start + $0] == field.utf8Start[$0] }
        }
        return isBegun ? nil : false
    }

    /// Decides from the event's name, which begins at `start`, whether the event has output of the model.
    ///
    /// The function knows the event names of Anthropic's messages API and of OpenAI's responses API.
    ///
    /// - Returns: nil if the name does not decide it. The caller must then parse the JSON.
    static func prefilter(_ event: Span<UInt8>, _ start: Int, _ count: Int) -> Meter.EventClass? {
        func isNamed(_ text: StaticString) -> Bool {
            count == text.utf8CodeUnitCount && hasPrefix(event, text, at: start, start + count)
        }
        let end = start + count
        if count > 6, hasPrefix(event, "delta", at: end - 5, end), !isNamed("message_delta") { return .token }
        if isNamed("ping") || isNamed("content_block_start") || isNamed("content_block_stop") { return .plain }
        let isDone = count > 5 && hasPrefix(event, ".done", at: end - 5, end) && !isNamed("response.done")
        return isDone || (count > 6 && hasPrefix(event, ".added", at: end - 6, end)) ? .plain : nil
    }

    /// Whether the event's name, which begins at `start`, is `ping`.
    static func isPing(_ event: Span<UInt8>, _ start: Int, _ count: Int) -> Bool {
        count == 4 && hasPrefix(event, "ping", at: start, start + count)
    }

    /// The name on the first line of an event, or else the value of the first `"type"` in the event's first 512 bytes;
    /// empty if there is neither.
    static func name(_ event: Span<UInt8>) -> String {
        let head = event.extracting(first: 512)
        if case .named(let start, let count) = payload(head) { return string(head, start, count) }
        let key = Array(#""type":"#.utf8)
        var start = 0
        while start + key.count < head.count {
            guard key.indices.allSatisfy({ head[start + $0] == key[$0] }) else {
                start += 1
                continue
            }
            start += key.count
            while start < head.count, head[start] == 0x20 || head[start] == 0x22 { start += 1 }
            var stop = start
            while stop < head.count, head[stop] != 0x22 { stop += 1 }
            return string(head, start, stop - start)
        }
        return ""
    }

    /// The part of an event or of a response that may report an error, as text.
    ///
    /// For an event this is the value of its `data` lines. If it has none, it is the JSON document, or the value of an
    /// `error` field, that the event has instead. A response that is not an event is returned as a whole.
    ///
    /// - Parameter isBare: Whether the caller has found that the error of the event stands outside of the `data` lines;
    ///   if so, the JSON document or the `error` field is returned even if the event has `data` lines.
    static func text(of event: Span<UInt8>, isBare: Bool = false) -> [UInt8] {
        let all = event.indices.map { event[$0] }
        let begin = trimmed(all[...])
        guard let first = begin.first else { return [] }
        if [UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "\"")].contains(first) { return readable(begin) }
        let lines = ErrorLines(all)
        if let bare = lines.bare, isBare || lines.data.isEmpty { return readable(trimmed(bare)) }
        guard !lines.data.isEmpty || lines.isEvent else { return readable(begin) }
        return readable(trimmed(Array(lines.data.joined(separator: [0x0A]))[...]))
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || isLineEnd(byte) }

    /// The bytes without white space at both ends and without a byte order mark.
    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var bytes = bytes.drop(while: isSpace)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3).drop(while: isSpace) }
        while let last = bytes.last, isSpace(last) { bytes.removeLast() }
        return bytes
    }

    /// The bytes with U+FFFD in place of invalid UTF-8; in JSON, `cjson_repair` also replaces control characters, NaN
    /// and Infinity.
    private static func readable(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var text = Array(String(decoding: bytes, as: UTF8.self).utf8)
        guard text.first == UInt8(ascii: "{") || text.first == UInt8(ascii: "[") else { return text }
        unsafe text.withUnsafeMutableBufferPointer { unsafe cjson_repair($0.baseAddress, $0.count) }
        return text
    }

    private static func string(_ bytes: Span<UInt8>, _ start: Int, _ count: Int) -> String {
        String(decoding: (start..<start + count).map { bytes[$0] }, as: UTF8.self)
    }

    /// Whether an event of this type ends a stream of OpenAI's responses API.
    ///
    /// Only some engines send `response.cancelled` and `response.done`.
    static func isTerminal(_ type: String) -> Bool {
        switch type {
        case "response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done":
            true
        default: false
        }
    }

    /// The lines of an event that may report an error.
    private struct ErrorLines {
        /// The values of the `data` fields.
        private(set) var data: [ArraySlice<UInt8>] = []
        /// The first JSON document, or value of an `error` field, outside of the `data` lines; nil if there is neither.
        private(set) var bare: ArraySlice<UInt8>?
        /// Whether there is an `event`, `id` or `retry` field, which shows that the bytes are an event.
        private(set) var isEvent = false

        init(_ all: [UInt8]) {
            for line in all.split(omittingEmptySubsequences: false, whereSeparator: isLineEnd) {
                if line.isEmpty, !data.isEmpty { return }
                let name = line.prefix { $0 != UInt8(ascii: ":") }
                let value = line.dropFirst(name.count + 1)
                switch String(decoding: name, as: UTF8.self) {
                case "data": data.append(value.first == 0x20 ? value.dropFirst() : value)
                case "error": bare = bare ?? value
                case "event", "id", "retry": isEvent = true
                default: bare = bare ?? document(line, in: all)
                }
            }
        }

        /// The JSON document that begins at the start of `line`; nil if none begins there.
        ///
        /// The document is `line` alone if a `data` line comes before it or if `line` is valid JSON. Otherwise it is
        /// taken to extend to the end of `all`.
        private func document(_ line: ArraySlice<UInt8>, in all: [UInt8]) -> ArraySlice<UInt8>? {
            guard let first = line.first, "{[".utf8.contains(first) else { return nil }
            let isWhole = !data.isEmpty || JSONValue(parsing: readable(line)) != nil
            return isWhole ? line : all[line.startIndex...]
        }
    }
}
