// Counts the fields of header blocks as their bytes come, before nghttp2 decodes them. nghttp2 tells of no field in a block
// that it ignores (on a closed stream, or after a first fault), and decodes all of it; and one byte can stand for a field of
// 4 KiB.

/// Where one representation of HPACK (RFC 7541 section 6) ends and the next begins, and nothing else of them.
///
/// Confined to its session. Bytes that are no HPACK are the library's to refuse; the counter only notices integers
/// that nghttp2 would not read, so that both always agree about where they are.
struct HTTP2FieldCounter {
    private enum State { case field, nameLength, name, valueLength, value, number }

    /// Fields of the block so far, and changes of the table's size.
    private(set) var fields = 0
    /// An integer of the block is larger than 32 bits, which nghttp2 refuses as well.
    private(set) var isMalformed = false
    private var state = State.field
    /// The integer under way, and what it is the length of (or `.field`: an index).
    private var number: UInt64 = 0
    private var shift: UInt64 = 0
    private var target = State.field
    /// Bytes of the frame that are still to come; those before the block; those of padding after it.
    private var payloadLeft = 0
    private var prefixLeft = 0
    private var awaitsPadding = false
    private var padding = 0

    private static let paddedFlag: UInt8 = 8, priorityFlag: UInt8 = 32

    /// The payload of a HEADERS or CONTINUATION frame follows.
    mutating func begin(_ header: HTTP2FrameHeader) {
        payloadLeft = header.length
        (prefixLeft, awaitsPadding, padding) = (0, false, 0)
        guard header.type == HTTP2FrameHeader.headers else { return }
        (fields, state, isMalformed) = (0, .field, false)
        awaitsPadding = header.flags & Self.paddedFlag != 0
        prefixLeft = (awaitsPadding ? 1 : 0) + (header.flags & Self.priorityFlag != 0 ? 5 : 0)
    }

    /// Whether payload of a header block is to come.
    var isReading: Bool { payloadLeft > 0 }

    /// The next bytes of the frame's payload.
    mutating func read(_ bytes: Span<UInt8>) {
        var index = 0
        while prefixLeft > 0, payloadLeft > 0, index < bytes.count {
            if awaitsPadding { padding = Int(bytes[index]) }
            awaitsPadding = false
            (prefixLeft, payloadLeft, index) = (prefixLeft - 1, payloadLeft - 1, index + 1)
        }
        let end = index + min(bytes.count - index, max(0, payloadLeft - padding))
        payloadLeft = max(0, payloadLeft - (bytes.count - index))
        while index < end, !isMalformed {
            if state == .name || state == .value {
                let step = min(Int(number), end - index)
                index += step
                number -= UInt64(step)
                if number == 0 { state = state == .name ? .valueLength : .field }
                continue
            }
            take(bytes[index])
            index += 1
        }
    }

    private mutating func take(_ byte: UInt8) {
        switch state {
        case .field:
            fields += 1
            if byte & 0x80 != 0 {
                integer(byte, mask: 0x7f, of: .field)
            } else if byte & 0xe0 == 0x20 {
                integer(byte, mask: 0x1f, of: .field)
            } else {
                let mask: UInt8 = byte & 0x40 != 0 ? 0x3f : 0x0f
                if byte & mask == 0 { state = .nameLength } else { integer(byte, mask: mask, of: .valueLength) }
            }
        case .nameLength: integer(byte, mask: 0x7f, of: .name)
        case .valueLength: integer(byte, mask: 0x7f, of: .value)
        case .number:
            guard shift < 32 else {
                isMalformed = true
                return
            }
            number += UInt64(byte & 0x7f) << shift
            shift += 7
            isMalformed = number > UInt64(UInt32.max)
            if byte & 0x80 == 0 { integerEnded() }
        case .name, .value: break
        }
    }

    /// The first byte of an integer (RFC 7541 section 5.1), and the state that follows it.
    private mutating func integer(_ byte: UInt8, mask: UInt8, of target: State) {
        (self.target, number, shift) = (target, UInt64(byte & mask), 0)
        if byte & mask == mask { state = .number } else { integerEnded() }
    }

    private mutating func integerEnded() {
        state = target
        guard number == 0 else { return }
        // An empty string.
        if state == .name { state = .valueLength } else if state == .value { state = .field }
    }
}
