// Reads a server-sent event that is larger than `EventSplitter.limit`, piece by piece, because it is never in memory as
// a whole.

/// Reduces one large server-sent event to its name and the few members of its JSON that the edge reads.
struct LargeEvent: Sendable {
    /// Which part of a line of the event the next byte belongs to.
    private enum Line: Sendable { case field, beforeValue, data, name, other }

    /// The length above which a field's name is certainly not a known name, so that its further bytes are not kept.
    ///
    /// The known fields of an event are `data`, `event`, `id` and `retry`.
    private static let fieldLimit = 8
    /// How many bytes of the event's name are kept at most.
    private static let nameLimit = 128

    private var digest = JSONDigest()
    private var line = Line.field
    private var field: [UInt8] = []
    private var name: [UInt8] = []
    private var hasData = false

    /// Reads the next piece of the event.
    mutating func take(_ piece: Span<UInt8>) {
        for index in piece.indices { take(piece[index]) }
    }

    /// A small event that is read instead of the large event.
    ///
    /// The small event has the name of the large event, and only the few members of the large event's JSON that the
    /// edge reads, such as an error, the finish reason and the usage.
    ///
    /// The value is nil if the data of the large event is not exactly one JSON document.
    var summary: [UInt8]? {
        guard hasData, digest.isWhole else { return nil }
        let event = name.isEmpty ? [] : Array("event: ".utf8) + name + [0x0A]
        return event + Array("data: ".utf8) + digest.kept + [0x0A, 0x0A]
    }

    /// Reads a byte of a field's name, or the colon after the name.
    @inline(__always)
    private mutating func takeField(_ byte: UInt8) {
        if byte == UInt8(ascii: ":") {
            line = .beforeValue
        } else if field.count <= Self.fieldLimit {
            field.append(byte)
        }
    }

    private mutating func take(_ byte: UInt8) {
        guard byte != 0x0A, byte != 0x0D else {
            line = .field
            field = []
            return
        }
        switch line {
        case .field: takeField(byte)
        case .beforeValue:
            begin()
            if byte != 0x20 { take(byte) }
        case .data: digest.take(byte)
        case .name: if name.count < Self.nameLimit { name.append(byte) }
        case .other: break
        }
    }

    /// Begins to read the value of the field whose name has just been read.
    private mutating func begin() {
        switch String(decoding: field, as: UTF8.self) {
        case "data":
            // If an event has several `data` lines, its data consists of their values with a line end between them.
            if hasData { digest.take(0x0A) }
            hasData = true
            line = .data
        case "event":
            name = []
            line = .name
        default: line = .other
        }
    }
}
