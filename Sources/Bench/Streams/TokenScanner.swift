// Finds tokens and endings in a stream of events, without parsing JSON: the bench shares a core with the executor.
internal import Glibc
internal import Transport

/// One stream's reader.
///
/// Events may be cut anywhere; what is not whole is kept.
struct TokenScanner {
    enum Event: Equatable {
        /// A token, and when the executor put it out (CLOCK_MONOTONIC).
        case token(Nanoseconds)
        case done
        case error
        /// Comments, the first event's role, the usage event.
        case other
    }

    /// An event without end is none.
    private static let tailMax = 1 << 20

    private var tail: [UInt8] = []

    /// True when bytes of an event are kept that is not whole.
    var isInsideEvent: Bool { !tail.isEmpty }

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

    /// - Returns: how many bytes of whole events there were.
    private static func scan(_ start: UnsafePointer<UInt8>, _ count: Int, _ body: (Event) -> Void) -> Int {
        var used = 0
        while let end = unsafe blankLine(start + used, count - used) {
            unsafe body(event(start + used, end))
            used += end
        }
        return used
    }

    /// Where the first event ends: behind its blank line.
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

    @inline(__always)
    private static func event(_ start: UnsafePointer<UInt8>, _ count: Int) -> Event {
        // Underscores are rare in an event: each is looked at, and nothing else is.
        if let found = unsafe find("\"emitted_ns\":", anchor: 8, start, count) {
            var index = found
            var value: UInt64 = 0
            while index < count, unsafe start[index] == 0x20 { index += 1 }
            while index < count, unsafe start[index] &- 0x30 < 10 {
                value = unsafe value &* 10 &+ UInt64(start[index] &- 0x30)
                index += 1
            }
            return .token(value)
        }
        if unsafe find("data: [DONE]", anchor: 6, start, count) != nil { return .done }
        let isError =
            unsafe find("event: error", anchor: 0, start, count) != nil
            || find("\"error\":{", anchor: 0, start, count) != nil
            || find("\"error\": {", anchor: 0, start, count) != nil
        return isError ? .error : .other
    }

    /// The offset behind the first `needle`, found by its byte at `anchor`. (Swift's Glibc has no memmem.)
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
