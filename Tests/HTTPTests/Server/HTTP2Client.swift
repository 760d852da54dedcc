// HTTP/2 by hand: frames made and read byte by byte, so that a test can say what no library would.
import HTTP
import LoopTesting
import Transport

struct Frame: Equatable {
    var type: UInt8
    var flags: UInt8
    var stream: UInt32
    var payload: [UInt8]

    static let data: UInt8 = 0, headers: UInt8 = 1, priority: UInt8 = 2, reset: UInt8 = 3, settings: UInt8 = 4
    static let ping: UInt8 = 6, goAway: UInt8 = 7, windowUpdate: UInt8 = 8, continuation: UInt8 = 9
    static let endStream: UInt8 = 1, acknowledge: UInt8 = 1, endHeaders: UInt8 = 4

    var bytes: [UInt8] {
        let count = payload.count
        return [UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags] + big(stream) + payload
    }
    var endsStream: Bool { flags & Self.endStream != 0 }
    /// The error code of RST_STREAM, the increment of WINDOW_UPDATE.
    var word: UInt32 { payload.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } }
    /// The error code of GOAWAY.
    var goAwayCode: UInt32 { payload.dropFirst(4).prefix(4).reduce(0) { $0 << 8 | UInt32($1) } }
    var text: String { String(decoding: payload, as: UTF8.self) }
    /// The status of a response head, as far as it needs no decoder.
    var status: Int {
        if payload[0] == 0x48, payload[1] == 3 { return Int(String(decoding: payload[2..<5], as: UTF8.self))! }
        return [0x88: 200, 0x89: 204, 0x8c: 400, 0x8d: 404, 0x8e: 500][payload[0]] ?? 0
    }
}

func big(_ value: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }

/// A field without compression: a literal that is not indexed.
func literal(_ name: String, _ value: String) -> [UInt8] {
    func text(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
        var rest = bytes.count - 127
        var length: [UInt8] = [127]
        while rest >= 128 {
            length.append(UInt8(rest & 127 | 128))
            rest >>= 7
        }
        return length + [UInt8(rest)] + bytes
    }
    return [0] + text(name) + text(value)
}

/// A server that was spoken HTTP/2 to by prior knowledge.
final class HTTP2Session {
    let server: TestServer
    private var unread: [UInt8] = []
    var frames: [Frame] = []

    init(
        receiveBuffer: CInt? = nil,
        settings: [UInt8] = [],
        account: MemoryAccount = MemoryAccount(),
        _ configure: (inout ServerSettings) -> Void = { _ in }
    ) throws {
        server = try TestServer(receiveBuffer: receiveBuffer, account: account, configure)
        send(HTTP2Preface.bytes + Frame(type: Frame.settings, flags: 0, stream: 0, payload: settings).bytes)
        acknowledge()
    }

    /// For a connection that is HTTP/1.1 still.
    init(upgrading server: TestServer) { self.server = server }

    func send(_ bytes: [UInt8]) {
        server.peer.send(bytes)
        settle()
    }
    func send(_ type: UInt8, _ flags: UInt8 = 0, _ stream: UInt32 = 0, _ payload: [UInt8] = []) {
        send(Frame(type: type, flags: flags, stream: stream, payload: payload).bytes)
    }
    func acknowledge() { send(Frame.settings, Frame.acknowledge) }

    func settle() {
        server.settle()
        read()
    }
    func pass(_ duration: Nanoseconds) {
        server.pass(duration)
        read()
    }

    func read() {
        unread += server.peer.take()
        while unread.count >= 9 {
            let length = Int(unread[0]) << 16 | Int(unread[1]) << 8 | Int(unread[2])
            guard unread.count >= 9 + length else { return }
            let stream = unread[5..<9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            let payload = Array(unread[9..<9 + length])
            frames.append(Frame(type: unread[3], flags: unread[4], stream: stream, payload: payload))
            unread.removeFirst(9 + length)
        }
    }

    static func head(_ method: String = "GET", path: String = "/", fields: [(String, String)] = []) -> [UInt8] {
        literal(":method", method) + literal(":scheme", "http") + literal(":path", path) + literal(":authority", "x")
            + fields.flatMap { literal($0.0, $0.1) }
    }
    func request(
        _ stream: UInt32,
        _ method: String = "GET",
        path: String = "/",
        fields: [(String, String)] = [],
        end: Bool = true
    ) {
        let flags = Frame.endHeaders | (end ? Frame.endStream : 0)
        send(Frame.headers, flags, stream, Self.head(method, path: path, fields: fields))
    }

    func frames(of stream: UInt32, _ type: UInt8? = nil) -> [Frame] {
        frames.filter { $0.stream == stream && (type == nil || $0.type == type) }
    }
    func body(of stream: UInt32) -> [UInt8] { frames(of: stream, Frame.data).flatMap(\.payload) }
    func status(of stream: UInt32) -> Int? { frames(of: stream, Frame.headers).first?.status }
    func reset(of stream: UInt32) -> UInt32? { frames(of: stream, Frame.reset).first?.word }
    var goAways: [UInt32] { frames.filter { $0.type == Frame.goAway }.map(\.goAwayCode) }
    var exchanges: [Exchange] { server.exchanges }
    func take() -> [Frame] {
        defer { frames = [] }
        return frames
    }
}
