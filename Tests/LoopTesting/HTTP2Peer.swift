// The test's end of an HTTP/2 connection; the test reads and writes single frames.

/// Speaks HTTP/2 over a `Peer` and keeps every frame that it receives.
package final class HTTP2Peer {
    package let peer: Peer
    package var frames: [Frame] = []
    private var unread: [UInt8] = []
    private var prefaceLeft: Int

    /// - Parameter prefaceCount: How many bytes of connection preface to skip before the first frame; 0 where the
    ///   other end is a server, because a server sends no preface.
    package init(_ peer: Peer, prefaceCount: Int = 0) {
        self.peer = peer
        prefaceLeft = prefaceCount
    }

    package func send(_ type: UInt8, _ flags: UInt8 = 0, _ stream: UInt32 = 0, _ payload: [UInt8] = []) {
        peer.send(Frame(type: type, flags: flags, stream: stream, payload: payload).bytes)
    }

    /// Reads the bytes that have arrived and appends the complete frames to `frames`.
    package func read() {
        unread += peer.take()
        let preface = min(prefaceLeft, unread.count)
        unread.removeFirst(preface)
        prefaceLeft -= preface
        frames += Frame.take(from: &unread)
    }

    /// All frames of one stream that have arrived so far, or only its frames of one type.
    package func frames(of stream: UInt32, _ type: UInt8? = nil) -> [Frame] {
        read()
        return frames.of(stream, type)
    }
    package func body(of stream: UInt32) -> [UInt8] { frames(of: stream, Frame.data).flatMap(\.payload) }
    package func resets(of stream: UInt32) -> [UInt32] { frames(of: stream, Frame.reset).map(\.word) }
}
