// The executor's end of one connection: what was said on it in both directions, and what of windows that must come to.
import HTTP
import LoopTesting
import Transport

final class ExecutorEnd {
    let peer: Peer
    /// What it was to say did not all fit.
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

    /// What it says by itself, once a turn.
    func greet(_ plan: HTTP2Plan) {
        defer { turns += 1 }
        switch turns {
        case 0: _ = send(plan.greeting[...])
        case 1: _ = send(plan.answer[...])
        case 2: if plan.closesSoon { peer.close() }
        default: break
        }
    }

    // MARK: What must hold

    func checkRequests(_ findings: Findings) {
        var reader = OutputReader(heard, answersToHEAD: [], findings)
        reader.readRequests()
    }

    /// Everything has been taken that came: then the windows are open again, of the connection and of each stream.
    func checkWindows(_ findings: Findings) {
        // One that closed has not heard all: neither our resets nor that we closed.
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
            // Those beyond it are over without a word of ours.
            case 7: over.formUnion(streams.keys.filter { $0 > frame.word })
            default: break
            }
        }
        findings.expect(connection >= 512 << 10, "the connection's window is \(connection)")
        for (stream, window) in streams where !over.contains(stream) {
            // Where a handler has made it smaller, it is open at all.
            findings.expect(window > 0, "the window of stream \(stream) is \(window)")
        }
    }

    /// Frames that follow each other; the last may be cut, and is left out.
    private static func frames(_ bytes: ArraySlice<UInt8>) -> [Frame] {
        var bytes = Array(bytes)
        return Frame.take(from: &bytes)
    }
}
