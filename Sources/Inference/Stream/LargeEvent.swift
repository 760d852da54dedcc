// An event that is larger than the splitter keeps: its lines are read as its pieces come, and little of it is kept.

struct LargeEvent: Sendable {
    private enum Line: Sendable { case field, beforeValue, data, name, other }

    private static let fieldLimit = 8
    private static let nameLimit = 128

    private var digest = JSONDigest()
    private var line = Line.field
    private var field: [UInt8] = []
    private var name: [UInt8] = []
    private var hasData = false

    mutating func take(_ piece: Span<UInt8>) {
        for index in piece.indices { take(piece[index]) }
    }

    /// A whole event that says the same to the scanner; nil when its data is not one whole document.
    var summary: [UInt8]? {
        guard hasData, digest.isWhole else { return nil }
        let event = name.isEmpty ? [] : Array("event: ".utf8) + name + [0x0A]
        return event + Array("data: ".utf8) + digest.kept + [0x0A, 0x0A]
    }

    private mutating func take(_ byte: UInt8) {
        guard byte != 0x0A, byte != 0x0D else {
            line = .field
            field = []
            return
        }
        switch line {
        case .field:
            if byte == UInt8(ascii: ":") {
                line = .beforeValue
            } else if field.count <= Self.fieldLimit {
                field.append(byte)
            }
        case .beforeValue:
            begin()
            if byte != 0x20 { take(byte) }
        case .data: digest.take(byte)
        case .name: if name.count < Self.nameLimit { name.append(byte) }
        case .other: break
        }
    }

    /// The field's name has ended.
    private mutating func begin() {
        switch String(decoding: field, as: UTF8.self) {
        case "data":
            // Lines are joined by a line end.
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
