// The other end of an HTTP/2 connection under test, a client's or an executor's, frame by frame.

/// Speaks HTTP/2 through a peer, and keeps the frames that have come.
package final class HTTP2Peer {
    package let peer: Peer
    package var frames: [Frame] = []
    private var unread: [UInt8] = []
    private var prefaceLeft: Int

    /// - Parameter prefaceCount: The bytes of the connection preface that come before the first frame; a server's
    ///   peer gets none.
    package init(_ peer: Peer, prefaceCount: Int = 0) {
        self.peer = peer
        prefaceLeft = prefaceCount
    }

    package func send(_ type: UInt8, _ flags: UInt8 = 0, _ stream: UInt32 = 0, _ payload: [UInt8] = []) {
        peer.send(Frame(type: type, flags: flags, stream: stream, payload: payload).bytes)
    }

    /// Reads the frames that have come.
    package func read() {
        unread += peer.take()
        let preface = min(prefaceLeft, unread.count)
        unread.removeFirst(preface)
        prefaceLeft -= preface
        frames += Frame.take(from: &unread)
    }

    /// The frames of a stream that have come by now, all or those of a type.
    package func frames(of stream: UInt32, _ type: UInt8? = nil) -> [Frame] {
        read()
        return frames.of(stream, type)
    }
    package func body(of stream: UInt32) -> [UInt8] { frames(of: stream, Frame.data).flatMap(\.payload) }
    package func resets(of stream: UInt32) -> [UInt32] { frames(of: stream, Frame.reset).map(\.word) }
}
