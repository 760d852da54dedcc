// An executor that speaks HTTP/2; the test sends and reads its frames one by one.
import HTTP
import LoopTesting
import Transport

extension HTTP2Peer {
    /// Sends the server's SETTINGS and the acknowledgement of the client's.
    ///
    /// `most` is SETTINGS_MAX_CONCURRENT_STREAMS.
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

    /// The ids of the streams whose request head has arrived, in order.
    var requests: [UInt32] {
        read()
        return frames.filter { $0.type == Frame.headers }.map(\.stream)
    }
}

extension ExecutorTest {
    /// An executor that expects HTTP/2 with prior knowledge.
    static func http2() throws -> ExecutorTest { try ExecutorTest { $0.version = .http2 } }

    /// The executor's end of a connection; connections are numbered from 0 in the order in which they were opened.
    func http2(_ index: Int = 0) -> HTTP2Peer {
        while http2Peers.count <= index {
            http2Peers.append(HTTP2Peer(peers[http2Peers.count], prefaceCount: HTTP2Preface.bytes.count))
        }
        return http2Peers[index]
    }

    /// Sends `count` requests and the executor's SETTINGS, so that the first connection is usable.
    func sendAll(_ count: Int, most: UInt32? = nil) -> [Attempt] {
        let attempts = (0..<count).map { _ in send() }
        http2().greet(most: most)
        settle()
        return attempts
    }
}
