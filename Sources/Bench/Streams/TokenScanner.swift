// Finds tokens, errors and `[DONE]` in a stream of events without parsing JSON, so that the bench takes little CPU time
// from the executor on the same machine.
internal import Glibc
internal import Transport

/// Scans the events of one stream, which may arrive in parts.
struct TokenScanner {
    /// The kinds of events that the bench distinguishes.
    enum Event: Equatable {
        /// A token, with the time when the executor sent it, by CLOCK_MONOTONIC.
        case token(Nanoseconds)
        /// A token without a sending time; only the simulated executor adds the time to its tokens.
        case unstampedToken
        /// The event `[DONE]`, which ends a stream.
        case done
        /// An error event, or an incomplete event of which more than `tailMax` bytes have been received.
        case error
        /// Any other event, such as a comment, the first event (with the role), or the event with the token counts.
        case other
    }

    /// How many bytes of an incomplete event are kept at most; with more bytes, the event counts as an error.
    private static let tailMax = 1 << 20

    /// The received part of an incomplete event.
    private var tail: [UInt8] = []

    /// Whether a part of an incomplete event has been received.
    var isInsideEvent: Bool { !tail.isEmpty }

    /// Reads the next received bytes, and calls `body` with each event that is now complete.
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

    /// Calls `body` with each complete event among the `count` bytes at `start`.
    ///
    /// - Returns: the total length of the complete events, in bytes.
    private static func scan(_ start: UnsafePointer<UInt8>, _ count: Int, _ body: (Event) -> Void) -> Int {
        var used = 0
        while let end = unsafe blankLine(start + used, count - used) {
            unsafe body(event(start + used, end))
            used += end
        }
        return used
    }

    /// The offset after the blank line that ends the first event; nil if the event is incomplete.
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

    /// The decimal number at `index`, after optional spaces; 0 if there is none.
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
        // The search looks for the underscore of `emitted_ns` first, because underscores are rare in events.
        if let found = unsafe find("\"emitted_ns\":", anchor: 8, start, count) {
            return .token(unsafe number(at: found, start, count))
        }
        if unsafe find("data: [DONE]", anchor: 6, start, count) != nil { return .done }
        let isError =
            unsafe find("event: error", anchor: 0, start, count) != nil
            || find("\"error\":{", anchor: 0, start, count) != nil
            || find("\"error\": {", anchor: 0, start, count) != nil
        if isError { return .error }
        // The search for `content":` also finds the key `reasoning_content`.
        let isText = unsafe hasText("content\":", start, count) || hasText("reasoning\":", start, count)
        return isText ? .unstampedToken : .other
    }

    /// Whether a member whose key ends with `key` has a string that is not empty.
    private static func hasText(_ key: StaticString, _ start: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        var offset = 0
        while let found = unsafe find(key, anchor: 0, start + offset, count - offset) {
            offset += found
            while offset < count, unsafe start[offset] == 0x20 { offset += 1 }
            if offset + 1 < count, unsafe start[offset] == 0x22, unsafe start[offset + 1] != 0x22 { return true }
        }
        return false
    }

    /// The offset after the first occurrence of `needle`; nil if there is none.
    ///
    /// The search looks for the byte at index `anchor` of `needle` with memchr, because Swift's Glibc
    /// module lacks memmem.
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
