// Reads the server's output as a client would: HTTP/1.1 responses one after the other, or HTTP/2 frames.
import HTTP

/// All output must be well-formed; only the last message may be incomplete.
struct OutputReader {
    private let bytes: [UInt8]
    private let answersToHEAD: [Bool]
    private let findings: Findings
    private var position = 0

    init(_ bytes: [UInt8], answersToHEAD: [Bool], _ findings: Findings) {
        self.bytes = bytes
        self.answersToHEAD = answersToHEAD
        self.findings = findings
    }

    mutating func read() {
        guard !bytes.isEmpty else { return }
        if bytes.starts(with: "HTTP/1.1 ".utf8.prefix(bytes.count)) { readResponses() } else { readFrames() }
    }

    /// Reads the edge's HTTP/2 requests to an executor.
    mutating func readRequests() {
        let preface = HTTP2Preface.bytes
        findings.expect(bytes.starts(with: preface.prefix(bytes.count)), "no preface: \(shown(bytes))")
        position = min(preface.count, bytes.count)
        readFrames()
    }

    // MARK: HTTP/1.1

    private mutating func readResponses() {
        let switching = HTTP1Writer.switchingToH2C
        var answers = 0
        var parser = HTTP1ResponseParser()
        while position < bytes.count {
            if bytes[position...].starts(with: switching) {
                position += switching.count
                return readFrames()
            }
            let toHEAD = answers < answersToHEAD.count && answersToHEAD[answers]
            switch parser.parse(bytes.span.extracting(position..<bytes.count), toHEAD: toHEAD) {
            case .incomplete: return
            case .failed(let error):
                findings.expect(false, "\(error.message) in our answer: \(shown(bytes[position...]))")
                return
            case .head(let head, let body, let keepAlive, let consumed):
                position += consumed
                guard head.status >= 200 else { continue }
                answers += 1
                findings.expect(answers <= answersToHEAD.count, "more answers than requests")
                guard skip(body) else { return }
                findings.expect(keepAlive || position == bytes.count, "more after the last answer")
            }
        }
    }

    /// - Returns: False if no response can follow this body, because it is incomplete or ends with the connection.
    private mutating func skip(_ body: ResponseBody) -> Bool {
        switch body {
        case .none: return true
        case .known(let length):
            position += min(length, bytes.count - position)
            return true
        case .untilClose: return false
        case .chunked:
            var decoder = ChunkedDecoder()
            while position < bytes.count {
                switch decoder.decode(bytes.span.extracting(position..<bytes.count)) {
                case .data(let range): position += range.upperBound
                case .needsMore: return false
                case .end(let consumed):
                    position += consumed
                    return true
                case .failed(let error):
                    findings.expect(false, "\(error.message) in our chunks: \(shown(bytes[position...]))")
                    return false
                }
            }
            return false
        }
    }

    // MARK: HTTP/2

    private struct StreamState {
        var hasHead = false
        var isEnded = false
        var isReset = false
    }

    private mutating func readFrames() {
        var streams: [UInt32: StreamState] = [:]
        var isFirst = true
        var continued: UInt32?
        while bytes.count - position >= 9 {
            let length = Int(bytes[position]) << 16 | Int(bytes[position + 1]) << 8 | Int(bytes[position + 2])
            let type = bytes[position + 3]
            let flags = bytes[position + 4]
            let id = bytes[position + 5..<position + 9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            findings.expect(!isFirst || (type == 4 && flags == 0), "frame \(type) comes before our settings")
            isFirst = false
            // Our frames never exceed the size that every peer accepts (RFC 9113 section 4.2).
            findings.expect(length <= 16_384, "a frame \(type) of \(length) bytes")
            guard bytes.count - position >= 9 + length else { return }
            position += 9 + length
            findings.expect(continued == nil || (type == 9 && id == continued), "frame \(type) inside of a field block")
            continued = (type == 1 || type == 9) && flags & 4 == 0 ? id : nil
            switch type {
            case 0, 1: read(type, flags, id, in: &streams)
            case 3: streams[id, default: StreamState()].isReset = true
            case 4, 6: findings.expect(id == 0, "frame \(type) on stream \(id)")
            case 7: findings.expect(id == 0 && length >= 8, "a GOAWAY of \(length) bytes on \(id)")
            case 8: findings.expect(length == 4, "a WINDOW_UPDATE of \(length) bytes")
            case 9: break
            default: findings.expect(false, "a frame of type \(type)")
            }
        }
    }

    private func read(_ type: UInt8, _ flags: UInt8, _ id: UInt32, in streams: inout [UInt32: StreamState]) {
        var state = streams[id, default: StreamState()]
        findings.expect(id % 2 == 1, "frame \(type) on stream \(id)")
        findings.expect(!state.isEnded && !state.isReset, "frame \(type) on stream \(id) after its end")
        findings.expect(type == 1 || state.hasHead, "DATA on stream \(id) before its head")
        if type == 1 { state.hasHead = true }
        if flags & 1 != 0 { state.isEnded = true }
        streams[id] = state
    }
}
