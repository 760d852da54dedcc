// Counts the fields of header blocks before nghttp2 decodes them, because one byte of HPACK can stand for a field of 4
// KiB. nghttp2 also decodes the blocks that it ignores, such as a block on a closed stream, and does not report the
// fields of these blocks.

/// Finds where the representation of each field begins in HPACK (RFC 7541 section 6), and decodes nothing else.
///
/// Each HTTP/2 connection has one counter, in its `HTTP2HeaderBlock`. The only malformed HPACK that the counter detects
/// is an integer of more than 32 bits. nghttp2 refuses such an integer and all other malformed HPACK. So the counter
/// and nghttp2 always agree on where a field begins.
struct HTTP2FieldCounter {
    private enum State { case field, nameLength, name, valueLength, value, number }

    /// The number of fields in the block so far, including dynamic table size updates.
    private(set) var fields = 0
    /// Whether the block has an integer of more than 32 bits, which nghttp2 also refuses.
    private(set) var isMalformed = false
    private var state = State.field
    /// The integer that is being read: an index, a length or a table size.
    ///
    /// While a name or a value is read, this is the number of its bytes that have not arrived yet.
    private var number: UInt64 = 0
    /// How many bits of the integer have been read after its first byte.
    private var shift: UInt64 = 0
    /// The state that follows the integer in `number`.
    ///
    /// The state is `.name` or `.value` after a length, `.valueLength` or `.field` after an index, and `.field` after a
    /// table size.
    private var target = State.field
    /// The number of bytes of the frame's payload that have not arrived yet.
    private var payloadLeft = 0
    /// The number of payload bytes before the header block (padding length, priority) that have not arrived yet.
    private var prefixLeft = 0
    /// Whether the next byte is the length of the padding.
    private var awaitsPadding = false
    /// The number of padding bytes after the header block.
    private var padding = 0

    private static let paddedFlag: UInt8 = 8, priorityFlag: UInt8 = 32

    /// Begins a HEADERS or CONTINUATION frame, whose payload follows.
    mutating func begin(_ header: HTTP2FrameHeader) {
        payloadLeft = header.length
        (prefixLeft, awaitsPadding, padding) = (0, false, 0)
        guard header.type == HTTP2FrameHeader.headers else { return }
        (fields, state, isMalformed) = (0, .field, false)
        awaitsPadding = header.flags & Self.paddedFlag != 0
        prefixLeft = (awaitsPadding ? 1 : 0) + (header.flags & Self.priorityFlag != 0 ? 5 : 0)
    }

    /// Whether the counter still expects a part of the frame's payload.
    var isReading: Bool { payloadLeft > 0 }

    /// Reads the next bytes of the frame's payload.
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
            if state == .field, let next = Self.endOfShortField(bytes, from: index, to: end) {
                fields += 1
                index = next
                continue
            }
            take(bytes[index])
            index += 1
        }
    }

    /// Returns the index after a field, if the field has arrived completely and its index and lengths take one byte
    /// each.
    ///
    /// Returns nil for any other field. Nearly all fields are so short that this function can read them.
    private static func endOfShortField(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int? {
        let byte = bytes[start]
        if byte & 0x80 != 0 { return byte == 0xff ? nil : start + 1 }
        guard byte & 0xe0 != 0x20 else { return nil }
        let mask: UInt8 = byte & 0x40 != 0 ? 0x3f : 0x0f
        var next = start + 1
        if byte & mask == 0 {
            guard next < end, bytes[next] & 0x7f != 0x7f else { return nil }
            next += 1 + Int(bytes[next] & 0x7f)
        } else if byte & mask == mask {
            return nil
        }
        guard next < end, bytes[next] & 0x7f != 0x7f else { return nil }
        next += 1 + Int(bytes[next] & 0x7f)
        return next <= end ? next : nil
    }

    /// Reads one byte that is not part of a name or a value.
    private mutating func take(_ byte: UInt8) {
        switch state {
        case .field:
            fields += 1
            beginField(byte)
        case .nameLength: integer(byte, mask: 0x7f, of: .name)
        case .valueLength: integer(byte, mask: 0x7f, of: .value)
        case .number: addToNumber(byte)
        case .name, .value: break
        }
    }

    /// Reads the first byte of a field or of a dynamic table size update (RFC 7541 section 6).
    @inline(__always)
    private mutating func beginField(_ byte: UInt8) {
        if byte & 0x80 != 0 {
            integer(byte, mask: 0x7f, of: .field)
        } else if byte & 0xe0 == 0x20 {
            integer(byte, mask: 0x1f, of: .field)
        } else {
            let mask: UInt8 = byte & 0x40 != 0 ? 0x3f : 0x0f
            if byte & mask == 0 { state = .nameLength } else { integer(byte, mask: mask, of: .valueLength) }
        }
    }

    /// Reads a further byte of an integer (RFC 7541 section 5.1).
    @inline(__always)
    private mutating func addToNumber(_ byte: UInt8) {
        guard shift < 32 else {
            isMalformed = true
            return
        }
        number += UInt64(byte & 0x7f) << shift
        shift += 7
        isMalformed = number > UInt64(UInt32.max)
        if byte & 0x80 == 0 { integerEnded() }
    }

    /// Reads the first byte of an integer (RFC 7541 section 5.1).
    ///
    /// - Parameter target: the state after the last byte of the integer.
    private mutating func integer(_ byte: UInt8, mask: UInt8, of target: State) {
        (self.target, number, shift) = (target, UInt64(byte & mask), 0)
        if byte & mask == mask { state = .number } else { integerEnded() }
    }

    private mutating func integerEnded() {
        state = target
        guard number == 0 else { return }
        // The name or the value has length 0, so its state is skipped.
        if state == .name { state = .valueLength } else if state == .value { state = .field }
    }
}
