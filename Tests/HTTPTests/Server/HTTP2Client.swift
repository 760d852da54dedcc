// An HTTP/2 client for tests of the server, which builds its frames by hand, so that it can also send wrong ones.
import HTTP
import LoopTesting
import Transport

/// A server, and a client that speaks HTTP/2 to it from the first byte, without TLS or an upgrade.
final class HTTP2Session {
    let server: TestServer
    private let http2: HTTP2Peer

    init(
        receiveBuffer: CInt? = nil,
        settings: [UInt8] = [],
        account: MemoryAccount = MemoryAccount(),
        _ configure: (inout ServerSettings) -> Void = { _ in }
    ) throws {
        server = try TestServer(receiveBuffer: receiveBuffer, account: account, configure)
        http2 = HTTP2Peer(server.peer)
        send(HTTP2Preface.bytes + Frame(type: Frame.settings, flags: 0, stream: 0, payload: settings).bytes)
        acknowledge()
    }

    /// Makes a client on a connection that still speaks HTTP/1.1, for tests of the upgrade to HTTP/2.
    init(upgrading server: TestServer) {
        self.server = server
        http2 = HTTP2Peer(server.peer)
    }

    var frames: [Frame] { http2.frames }

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

    func read() { http2.read() }

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

    func frames(of stream: UInt32, _ type: UInt8? = nil) -> [Frame] { frames.of(stream, type) }
    func body(of stream: UInt32) -> [UInt8] { frames(of: stream, Frame.data).flatMap(\.payload) }
    func status(of stream: UInt32) -> Int? { frames(of: stream, Frame.headers).first?.status }
    func reset(of stream: UInt32) -> UInt32? { frames(of: stream, Frame.reset).first?.word }
    var goAways: [UInt32] { frames.filter { $0.type == Frame.goAway }.map(\.goAwayCode) }
    var exchanges: [Exchange] { server.exchanges }
    func take() -> [Frame] {
        defer { http2.frames = [] }
        return frames
    }
}
