// Finds tokens and ends in a stream of events without parsing JSON, since the bench shares a processor with the
// executor.
internal import Glibc
internal import Transport

/// The reader of one stream; events may arrive in parts.
struct TokenScanner {
    /// The kinds of events that the bench distinguishes.
    enum Event: Equatable {
        /// A token, and when the executor sent it, in CLOCK_MONOTONIC.
        case token(Nanoseconds)
        /// `[DONE]`.
        case done
        /// An error, or an event larger than `tailMax`.
        case error
        /// A comment, the role in the first event, or the usage.
        case other
    }

    /// The largest event, in bytes.
    private static let tailMax = 1 << 20

    /// The part of an event that has arrived so far.
    private var tail: [UInt8] = []

    /// Whether a part of an event has arrived.
    var isInsideEvent: Bool { !tail.isEmpty }

    /// Calls `body` with each event that is whole.
    mutating func feed(_ bytes: Span<UInt8>, _ body: (Event) -> Void) {
        unsafe bytes.withUnsafeBufferPointer { chunk in
            guard let start = chunk.baseAddress else { return }
            if tail.isEmpty {
                let used = unsafe Self.scan(start, chunk.count, body)
                if used < chunk.count { unsafe tail.append(contentsOf: UnsafeBufferPointer(rebasing: chunk[used...])) }
                return
            }
            unsafe tail.append(contentsOf: chunk)
            let used = unsafe tail.withUnsafeBufferPointer { unsafe Self.scan($0.baseAddress!, $0.count, body) }
            tail.removeFirst(used)
            if tail.count > Self.tailMax {
                tail = []
                body(.error)
            }
        }
    }

    /// Calls `body` with each whole event.
    ///
    /// - Returns: the length of these events in bytes.
    private static func scan(_ start: UnsafePointer<UInt8>, _ count: Int, _ body: (Event) -> Void) -> Int {
        var used = 0
        while let end = unsafe blankLine(start + used, count - used) {
            unsafe body(event(start + used, end))
            used += end
        }
        return used
    }

    /// The end of the first event, behind its blank line; nil if it has not arrived.
    @inline(__always)
    private static func blankLine(_ start: UnsafePointer<UInt8>, _ count: Int) -> Int? {
        var offset = 0
        while offset < count, let found = unsafe memchr(start + offset, 0x0A, count - offset) {
            let next = unsafe found - UnsafeMutableRawPointer(mutating: start) + 1
            if next < count, unsafe start[next] == 0x0A { return next + 1 }
            if next + 1 < count, unsafe start[next] == 0x0D, unsafe start[next + 1] == 0x0A { return next + 2 }
            offset = next
        }
        return nil
    }

    /// The decimal number that begins at this index, behind spaces; 0 if there is none.
    @inline(__always)
    private static func number(at index: Int, _ start: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
        var index = index
        var value: UInt64 = 0
        while index < count, unsafe start[index] == 0x20 { index += 1 }
        while index < count, unsafe start[index] &- 0x30 < 10 {
            value = unsafe value &* 10 &+ UInt64(start[index] &- 0x30)
            index += 1
        }
        return value
    }

    @inline(__always)
    private static func event(_ start: UnsafePointer<UInt8>, _ count: Int) -> Event {
        // Underscores are rare in an event, so the search looks for the one in the name.
        if let found = unsafe find("\"emitted_ns\":", anchor: 8, start, count) {
            return .token(unsafe number(at: found, start, count))
        }
        if unsafe find("data: [DONE]", anchor: 6, start, count) != nil { return .done }
        let isError =
            unsafe find("event: error", anchor: 0, start, count) != nil
            || find("\"error\":{", anchor: 0, start, count) != nil
            || find("\"error\": {", anchor: 0, start, count) != nil
        return isError ? .error : .other
    }

    /// The offset behind the first `needle`, which is found by its byte at `anchor`: the Glibc module of Swift has no
    /// memmem.
    @inline(__always)
    private static func find(
        _ needle: StaticString,
        anchor: Int,
        _ start: UnsafePointer<UInt8>,
        _ count: Int
    ) -> Int? {
        let length = needle.utf8CodeUnitCount
        let byte = unsafe CInt(needle.utf8Start[anchor])
        var offset = anchor
        while offset < count, let found = unsafe memchr(start + offset, byte, count - offset) {
            let position = unsafe found - UnsafeMutableRawPointer(mutating: start)
            let first = position - anchor
            if first + length <= count, unsafe memcmp(start + first, needle.utf8Start, length) == 0 {
                return first + length
            }
            offset = position + 1
        }
        return nil
    }
}
