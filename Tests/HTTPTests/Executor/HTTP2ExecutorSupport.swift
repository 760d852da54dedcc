// An executor that speaks HTTP/2 frame by frame, as a test tells it to.
import HTTP
import LoopTesting
import Transport

/// The executor's end of one connection.
final class HTTP2ExecutorPeer {
    let peer: Peer
    private var unread: [UInt8] = []
    private var prefaceLeft = HTTP2Preface.bytes.count
    var frames: [Frame] = []

    init(_ peer: Peer) { self.peer = peer }

    func send(_ type: UInt8, _ flags: UInt8 = 0, _ stream: UInt32 = 0, _ payload: [UInt8] = []) {
        peer.send(Frame(type: type, flags: flags, stream: stream, payload: payload).bytes)
    }

    /// What a server says first; `most` streams at once.
    func greet(most: UInt32? = nil) {
        send(Frame.settings, 0, 0, most.map { [0, 3] + big($0) } ?? [])
        send(Frame.settings, Frame.acknowledge)
    }

    func head(_ stream: UInt32, status: String = "200", fields: [(String, String)] = [], end: Bool = false) {
        let block = literal(":status", status) + fields.flatMap { literal($0.0, $0.1) }
        send(Frame.headers, Frame.endHeaders | (end ? Frame.endStream : 0), stream, block)
    }
    func data(_ stream: UInt32, _ text: String, end: Bool = false) {
        send(Frame.data, end ? Frame.endStream : 0, stream, Array(text.utf8))
    }
    func answer(_ stream: UInt32, _ text: String) {
        head(stream)
        data(stream, text, end: true)
    }
    func reset(_ stream: UInt32, _ code: UInt32) { send(Frame.reset, 0, stream, big(code)) }
    func goAway(last: UInt32, _ code: UInt32 = 0) { send(Frame.goAway, 0, 0, big(last) + big(code)) }

    /// Reads the frames that have come.
    func read() {
        unread += peer.take()
        let preface = min(prefaceLeft, unread.count)
        unread.removeFirst(preface)
        prefaceLeft -= preface
        while unread.count >= 9 {
            let length = Int(unread[0]) << 16 | Int(unread[1]) << 8 | Int(unread[2])
            guard unread.count >= 9 + length else { return }
            let stream = unread[5..<9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            let payload = Array(unread[9..<9 + length])
            frames.append(Frame(type: unread[3], flags: unread[4], stream: stream, payload: payload))
            unread.removeFirst(9 + length)
        }
    }

    /// The streams whose requests have come.
    var requests: [UInt32] {
        read()
        return frames.filter { $0.type == Frame.headers }.map(\.stream)
    }
    func frames(of stream: UInt32, _ type: UInt8) -> [Frame] {
        read()
        return frames.filter { $0.stream == stream && $0.type == type }
    }
    func body(of stream: UInt32) -> [UInt8] { frames(of: stream, Frame.data).flatMap(\.payload) }
    func resets(of stream: UInt32) -> [UInt32] { frames(of: stream, Frame.reset).map(\.word) }
}

extension ExecutorTest {
    /// For HTTP/2 by prior knowledge.
    static func http2() throws -> ExecutorTest { try ExecutorTest { $0.version = .http2 } }

    /// The executor's end of the connection with this number, from the first.
    func http2(_ index: Int = 0) -> HTTP2ExecutorPeer {
        while http2Peers.count <= index { http2Peers.append(HTTP2ExecutorPeer(peers[http2Peers.count])) }
        return http2Peers[index]
    }

    /// Requests whose connection is open and greeted.
    func sendAll(_ count: Int, most: UInt32? = nil) -> [Attempt] {
        let attempts = (0..<count).map { _ in send() }
        http2().greet(most: most)
        settle()
        return attempts
    }
}
