// An executor that speaks HTTP/2 frame by frame, as a test tells it to.
import HTTP
import LoopTesting
import Transport

extension HTTP2Peer {
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

    /// The streams whose requests have come.
    var requests: [UInt32] {
        read()
        return frames.filter { $0.type == Frame.headers }.map(\.stream)
    }
}

extension ExecutorTest {
    /// For HTTP/2 by prior knowledge.
    static func http2() throws -> ExecutorTest { try ExecutorTest { $0.version = .http2 } }

    /// The executor's end of the connection with this number, from the first.
    func http2(_ index: Int = 0) -> HTTP2Peer {
        while http2Peers.count <= index {
            http2Peers.append(HTTP2Peer(peers[http2Peers.count], prefaceCount: HTTP2Preface.bytes.count))
        }
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
