// Makes HTTP/2 frames from any bytes: mostly well-formed frames in likely orders, and sometimes a malformed one.
import HTTP
import LoopTesting
import Transport

/// Turns bytes into frames, because a fuzzer that has to find HPACK and frame lengths by itself rarely opens a second
/// stream.
///
/// One byte chooses each step, and further bytes its details.
struct HTTP2Script {
    /// The side that sends the frames.
    enum Side { case client, executor }

    private let bytes: [UInt8]
    private let side: Side
    private var cuts: Cuts
    private var position = 0
    private var opened: UInt32 = 0
    private static let stepsMax = 200
    /// Whether all responses so far are marked with their stream: a header field names the stream, and the body repeats
    /// a letter that belongs to it.
    private(set) var isTelling = true

    init(_ bytes: [UInt8], cuts: Cuts, side: Side = .client) {
        self.bytes = bytes
        self.side = side
        self.cuts = cuts
    }

    mutating func steps() -> [Step] {
        var steps: [Step] = []
        while position < bytes.count, steps.count < Self.stepsMax {
            switch step() {
            case .bytes(let frames):
                for piece in cuts.pieces(of: frames.count) { steps.append(.bytes(Array(frames[piece]))) }
            case let other: steps.append(other)
            }
        }
        return steps
    }

    private mutating func next() -> UInt8 {
        guard position < bytes.count else { return 0 }
        defer { position += 1 }
        return bytes[position]
    }

    private mutating func take(_ count: Int) -> [UInt8] {
        let end = min(bytes.count, position + count)
        defer { position = end }
        return Array(bytes[position..<end])
    }

    /// Chooses the id of a stream that is open, was open earlier, or can be opened next.
    private mutating func stream() -> UInt32 {
        let byte = UInt32(next())
        if byte >= 0xF0 { return byte & 15 }
        // An executor only answers streams that the client has opened.
        if side == .executor { return 1 + 2 * (byte & 7) }
        return 1 + 2 * (byte % max(1, opened + (byte & 0x80 != 0 ? 1 : 0)))
    }

    private mutating func step() -> Step {
        let kind = next()
        switch kind & 15 {
        case 0, 1, 2: return .bytes(head())
        case 3, 4: return .bytes(data())
        case 5: return .bytes(Self.frame(3, 0, stream(), big(UInt32(next() & 15))))
        case 6: return .bytes(Self.frame(8, 0, next() & 1 == 0 ? 0 : stream(), big(increment())))
        case 7: return .bytes(Self.frame(6, next() & 1, 0, Array(0..<8)))
        case 8: return .bytes(settings())
        case 9: return .bytes(Self.frame(1, 5, stream(), literal("x-trailer", "1")))
        case 10 where side == .executor && kind & 16 != 0:
            return .bytes(Self.frame(7, 0, 0, big(stream()) + big(UInt32(next() & 15))))
        case 10: return .bytes(odd())
        case 11: return .bytes(many())
        case 12: return .pass(UInt64(next()) * UInt64(next()) * 1_000_000)
        case 13 where side == .executor: return .event(ExecutorEvent(next(), next()))
        case 13: return kind & 16 == 0 ? .read(kind & 32 != 0) : next() == 7 ? .shutdown : .drain
        case 14:
            isTelling = false
            return .bytes(take(Int(next() & 63)))
        default:
            isTelling = false
            return .bytes(Self.frame(1, kind >> 4, stream(), take(Int(next() & 63))))
        }
    }

    private mutating func increment() -> UInt32 {
        [0, 1, 100, 16_384, 65_535, 1 << 20, 0x7FFF_FFFF, 0x8000_0001][Int(next() & 7)]
    }

    // MARK: Frames

    /// Makes the head of a request or a response, as the next bytes of the fuzzer say.
    private mutating func head() -> [UInt8] {
        let form = next()
        let detail = next()
        let id: UInt32
        switch side {
        case .client:
            opened += 1
            id = 2 * opened - 1
        case .executor:
            id = stream()
        }
        var fields = side == .client ? request(form, detail) : answer(form, detail, id)
        if form & 4 != 0 { fields += literal("content-length", String(Int(detail) * 8)) }
        if form & 8 != 0 { fields += literal("x-long", String(repeating: "v", count: Int(detail) * 4)) }
        if form & 16 != 0 { fields += literal("priority", "u=\(detail & 7), i") }
        let flags: UInt8 = form & 1
        guard form & 32 != 0 else { return Self.frame(1, flags | 4, id, fields) }
        // The head is divided into one HEADERS and two CONTINUATION frames.
        let half = fields.count / 2
        let continues: UInt8 = form & 64 != 0 ? 0 : 4
        return Self.frame(1, flags, id, Array(fields[..<half])) + Self.frame(9, 0, id, [])
            + Self.frame(9, continues, id, Array(fields[half...]))
    }

    private func request(_ form: UInt8, _ detail: UInt8) -> [UInt8] {
        let methods = ["POST", "GET", "HEAD", "PUT"]
        let path = "/\(Character(Unicode.Scalar(0x61 + detail % 16)))"
        var fields = literal(":method", methods[Int(form >> 6 & 3)]) + literal(":path", path)
        fields += literal(":scheme", "http") + literal(":authority", "a")
        if form & 2 != 0 { fields += literal(detail & 1 == 0 ? "cookie" : "expect", "100-continue") }
        return fields
    }

    private func answer(_ form: UInt8, _ detail: UInt8, _ stream: UInt32) -> [UInt8] {
        let statuses = ["200", "100", "204", "304", "500", "103", "404", "101"]
        return literal(":status", statuses[form & 2 == 0 ? 0 : Int(detail & 7)])
            + literal("x-stream", String(stream))
    }

    private mutating func data() -> [UInt8] {
        let id = stream()
        let form = next()
        let length = Int(next()) << (Int(form >> 4 & 3) * 2)
        let payload = [UInt8](repeating: letter(of: id), count: length)
        let flags = form & 1
        guard form & 2 != 0 else { return Self.frame(0, flags, id, payload) }
        let padding = Int(form >> 6)
        return Self.frame(0, flags | 8, id, [UInt8(padding)] + payload + [UInt8](repeating: 0, count: padding))
    }

    /// The byte that the peer repeats as the body of a stream, so that a check can tell the streams of an executor
    /// apart.
    private func letter(of stream: UInt32) -> UInt8 {
        side == .client ? 0x64 : UInt8(truncatingIfNeeded: 0x30 + stream)
    }

    private mutating func settings() -> [UInt8] {
        let form = next()
        if form & 1 != 0 { return Self.frame(4, 1, 0, []) }
        let values: [UInt32] = [0, 1, 100, 65_535, 1 << 20, 0x7FFF_FFFF, 16_384, 4096]
        let entries = (0..<Int(form >> 6) + 1).flatMap { _ -> [UInt8] in
            let entry = next()
            // Setting 3 limits the streams on a connection. From an executor it is between 0 and 5, because the edge
            // also expects this limit on its next connection.
            let value = side == .executor && entry & 15 == 3 ? UInt32(entry >> 4) % 6 : values[Int(entry >> 4 & 7)]
            return [0, entry & 15] + big(value)
        }
        return Self.frame(4, 0, 0, entries)
    }

    /// Makes a frame of a kind that is rare, such as PRIORITY or an unknown type.
    private mutating func odd() -> [UInt8] {
        let form = next()
        if form & 7 > 4 { isTelling = false }
        switch form & 7 {
        case 0: return Self.frame(2, 0, stream(), big(stream()) + [form])
        case 1: return Self.frame(7, 0, 0, big(stream()) + big(UInt32(form >> 4)))
        case 2: return Self.frame(9, 4, stream(), literal("x", "y"))
        case 3: return Self.frame(5, 4, stream(), big(2) + literal(":method", "GET"))
        case 4: return Self.frame(16, 0, 0, big(stream()) + Array("u=1".utf8))
        case 5: return Self.frame(form >> 3 | 16, form, stream(), take(Int(form >> 4)))
        case 6: return Self.frame(form >> 4, next(), stream(), take(Int(next() & 31)))
        default: return Self.frame(1, 0x2D, stream(), big(stream()) + [form] + literal("x", "y"))
        }
    }

    /// Makes up to 1020 frames of one kind, as an attack would send them.
    private mutating func many() -> [UInt8] {
        let form = next()
        let count = Int(next()) * 4
        let id = stream()
        return (0..<count).flatMap { index -> [UInt8] in
            switch form & 7 {
            case 0: Self.frame(6, 0, 0, Array(0..<8))
            case 1: Self.frame(4, 0, 0, [])
            case 2: Self.frame(0, 0, id, [])
            case 3: Self.frame(8, 0, 0, big(1))
            case 4: Self.frame(9, 0, id, [])
            case 5: Self.frame(3, 0, UInt32(2 * index + 1), big(8))
            case 6: Self.frame(2, 0, UInt32(2 * index + 1), big(0) + [0])
            default: Self.frame(0, 0, id, [UInt8](repeating: letter(of: id), count: 200))
            }
        }
    }

    // MARK: Bytes

    static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        Frame(type: type, flags: flags, stream: stream, payload: payload).bytes
    }
}
