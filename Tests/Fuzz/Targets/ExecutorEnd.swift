// A simulated executor's end of one connection: it records what both sides send, and checks the HTTP/2 windows at the
// end.
import HTTP
import LoopTesting
import Transport

final class ExecutorEnd {
    let peer: Peer
    /// Whether the socket did not take all bytes of the last send, so that an HTTP/2 frame was sent only in part.
    var isCut = false
    private var said: [UInt8] = []
    private var heard: [UInt8] = []
    private var turns = 0

    init(_ descriptor: CInt) { peer = Peer(descriptor: descriptor) }

    func send(_ bytes: ArraySlice<UInt8>) -> Int {
        let count = peer.send(Array(bytes))
        said += bytes.prefix(count)
        return count
    }

    func read(keeping: Bool) {
        peer.poll()
        if keeping { heard += peer.take() } else { peer.received.removeAll(keepingCapacity: true) }
    }

    /// Sends bytes that the plan contains in addition to the fuzzer's: the greeting in the first turn of the event
    /// loop, the answer in the second.
    func greet(_ plan: HTTP2Plan) {
        defer { turns += 1 }
        switch turns {
        case 0: _ = send(plan.greeting[...])
        case 1: _ = send(plan.answer[...])
        case 2: if plan.closesSoon { peer.close() }
        default: break
        }
    }

    // MARK: Invariants

    func checkRequests(_ findings: Findings) {
        var reader = OutputReader(heard, answersToHEAD: [], findings)
        reader.readRequests()
    }

    /// Checks that the edge has opened the flow control windows of the connection and of each stream again, after it
    /// has consumed all bytes.
    func checkWindows(_ findings: Findings) {
        // If this executor has closed its end, it missed frames, for example the server's resets, so nothing is
        // checked.
        guard peer.isOpen, peer.end == nil, !isCut else { return }
        var connection = 65_535
        var streams: [UInt32: Int] = [:]
        var over: Set<UInt32> = []
        let opened = HTTP2Preface.bytes.count
        for frame in Self.frames(heard.dropFirst(opened)) {
            switch frame.type {
            case 1: if streams[frame.stream] == nil { streams[frame.stream] = HTTP2Plan.windowBytes }
            case 3: over.insert(frame.stream)
            case 7: return
            case 8 where frame.stream == 0: connection += Int(frame.word)
            case 8: streams[frame.stream, default: 0] += Int(frame.word)
            default: break
            }
        }
        for frame in Self.frames(said[...]) {
            switch frame.type {
            case 0:
                connection -= frame.payload.count
                streams[frame.stream]? -= frame.payload.count
                if frame.flags & 1 != 0 { over.insert(frame.stream) }
            case 1: if frame.flags & 1 != 0 { over.insert(frame.stream) }
            case 3: over.insert(frame.stream)
            // This executor has sent GOAWAY: streams with a higher id than its last stream id are over, without further
            // frames.
            case 7: over.formUnion(streams.keys.filter { $0 > frame.word })
            default: break
            }
        }
        findings.expect(connection >= 512 << 10, "the connection's window is \(connection)")
        for (stream, window) in streams where !over.contains(stream) {
            // The edge may have reduced the window of this stream, so the window need not be full, but must not be 0.
            findings.expect(window > 0, "the window of stream \(stream) is \(window)")
        }
    }

    /// Splits bytes into frames; an incomplete last frame is left out.
    private static func frames(_ bytes: ArraySlice<UInt8>) -> [Frame] {
        var bytes = Array(bytes)
        return Frame.take(from: &bytes)
    }
}
