// The bench's HTTP/1.1 client, which carries one stream at a time, and reuses the connection if the server
// keeps it open.
//
// The bench does not use the client of the HTTP module, which the server uses for executors. That client repeats some
// failed requests, delays TCP acknowledgments and resumes TLS sessions. A bench must count each failure and measure
// each handshake.
internal import HTTP
internal import Transport

/// One connection to the measured server.
///
/// Confined to the thread of its event loop.
final class HTTP1Client: ClientConnection, ChannelHandler {
    private enum State {
        case idle, head
        case body(left: Int)
        case chunked, untilClose, closed
    }

    private let channel: Channel
    private let target: BenchTarget
    private var state = State.idle
    private var stream: ClientStream?
    private var isHeadSent = false
    private var parser = HTTP1ResponseParser()
    private var decoder = ChunkedDecoder()
    private var keepAlive = false
    /// The received part of an incomplete head.
    private var partial: [UInt8] = []
    private(set) var endReason: String?

    init(channel: Channel, target: BenchTarget) {
        self.channel = channel
        self.target = target
        channel.attach(self)
    }

    var isUsable: Bool {
        if case .idle = state { return true }
        return false
    }

    var streamsAllowed: Int? { channel.isEstablished ? 1 : nil }

    var streamsOpen: Int { isUsable ? 0 : 1 }

    func open(_ stream: ClientStream) {
        guard case .idle = state else { preconditionFailure("HTTP/1.1 carries one stream at a time") }
        self.stream = stream
        state = .head
        isHeadSent = false
        parser = HTTP1ResponseParser()
        if channel.isEstablished { channel.mark() }
    }

    func reset(_ stream: ClientStream) {
        stream.handler = nil
        guard self.stream === stream else { return }
        stream.resetAt = Clock.monotonicNow()
        close()
    }

    func close() {
        if case .closed = state { return }
        state = .closed
        endReason = "the client closed the connection"
        stream?.handler = nil
        stream = nil
        channel.close()
    }

    // MARK: The channel

    func channelOpened(_ channel: Channel) { channel.mark() }

    func channelFlush(_ channel: Channel, into scratch: Scratch) {
        guard let stream, !isHeadSent else { return }
        isHeadSent = true
        let request = stream.request
        var head = "\(request.method) \(request.path) HTTP/1.1\r\nhost: \(target.authority)\r\n"
        for field in request.fields { head += "\(field.name): \(field.value)\r\n" }
        if !request.body.isEmpty { head += "content-length: \(request.body.count)\r\n" }
        scratch.append(Array((head + "\r\n").utf8))
        scratch.append(Array(request.body[..<stream.bodyLimit]))
        stream.bodySent = stream.bodyLimit
        stream.releaseBody()
    }

    func channel(_ channel: Channel, received bytes: Span<UInt8>) {
        let now = Clock.monotonicNow()
        guard partial.isEmpty else {
            for index in bytes.indices { partial.append(bytes[index]) }
            let all = partial
            partial = []
            read(all.span, at: now)
            return
        }
        read(bytes, at: now)
    }

    func channel(_ channel: Channel, ended end: ChannelEnd) {
        if case .untilClose = state, case .closed = end {
            keepAlive = false
            responseEnded()
            return
        }
        fail(end.wording)
    }

    func channelDrained(_ channel: Channel) {}
    func channelReleased(_ channel: Channel) {}

    // MARK: Reading

    private func read(_ bytes: Span<UInt8>, at now: Nanoseconds) {
        var used = 0
        while used < bytes.count, let stream {
            let rest = bytes.extracting(used..<bytes.count)
            switch state {
            case .head:
                guard let consumed = readHead(rest, of: stream) else { return }
                used += consumed
            case .body(let left):
                let step = min(left, rest.count)
                used += step
                state = .body(left: left - step)
                stream.handler?.received(rest.extracting(0..<step), at: now)
                if step == left, self.stream === stream { responseEnded() }
            case .chunked:
                guard let consumed = readChunk(rest, of: stream, at: now) else { return }
                used += consumed
            case .untilClose:
                stream.handler?.received(rest, at: now)
                return
            case .idle, .closed: return
            }
        }
    }

    /// Reads the next data of a chunked body, or the end of the body.
    ///
    /// - Returns: how many bytes were read; nil if more bytes are needed or the body is malformed.
    private func readChunk(_ bytes: Span<UInt8>, of stream: ClientStream, at now: Nanoseconds) -> Int? {
        switch decoder.decode(bytes) {
        case .data(let range):
            stream.handler?.received(bytes.extracting(range), at: now)
            return range.upperBound
        case .needsMore: return nil
        case .end(let consumed):
            responseEnded()
            return consumed
        case .failed(let error):
            fail(error.message)
            return nil
        }
    }

    /// Prepares to read a body with the framing that the response head announces.
    private func expect(_ body: ResponseBody) {
        switch body {
        case .none: state = .body(left: 0)
        case .known(let length): state = .body(left: length)
        case .chunked:
            decoder = ChunkedDecoder()
            state = .chunked
        case .untilClose: state = .untilClose
        }
    }

    /// Reads a response head.
    ///
    /// - Returns: the length of the head in bytes; nil if the head is incomplete or malformed.
    private func readHead(_ bytes: Span<UInt8>, of stream: ClientStream) -> Int? {
        switch parser.parse(bytes) {
        case .incomplete:
            for index in bytes.indices { partial.append(bytes[index]) }
            return nil
        case .failed(let error):
            fail(error.message)
            return nil
        case .head(let head, let body, let keepAlive, let consumed):
            guard head.status >= 200 else { return consumed }
            self.keepAlive = keepAlive
            expect(body)
            stream.handler?.responded(status: head.status)
            if case .body(0) = state, self.stream === stream { responseEnded() }
            return consumed
        }
    }

    private func responseEnded() {
        let last = stream
        stream = nil
        if keepAlive, last.map({ $0.bodySent == $0.bodySize }) ?? false {
            state = .idle
        } else {
            state = .closed
            endReason = "the connection was closed after a response"
            channel.close()
        }
        last?.finish(.whole)
    }

    private func fail(_ reason: String) {
        if case .closed = state { return }
        state = .closed
        endReason = reason
        let last = stream
        stream = nil
        channel.close()
        last?.finish(.cut(reason))
    }
}
