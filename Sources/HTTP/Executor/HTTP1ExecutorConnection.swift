// A keep-alive HTTP/1.1 connection to an executor. One request at a time: executors do not pipeline.
internal import Glibc
internal import Transport

/// Confined to its worker.
final class HTTP1ExecutorConnection: ChannelHandler, TimerTarget {
    private enum State { case connecting, idle, head, body(left: Int), chunked, untilClose, closed }

    private let client: ExecutorClient
    private let channel: Channel
    private var state = State.connecting
    private var stream: HTTP1ExecutorStream?
    private var parser = HTTP1ResponseParser()
    private var decoder = ChunkedDecoder()
    /// The part of a response head that has come so far.
    private var partial: [UInt8] = []
    private var keepAlive = true
    private var deadline = Deadline()

    private var head: [UInt8] = []
    private var sentOfBody = 0
    private var isRequestSent = false
    private var reads = 0

    init(client: ExecutorClient) throws(SystemError) {
        self.client = client
        guard let address = client.settings.addresses.addresses().first else {
            throw SystemError("resolve", EHOSTUNREACH)
        }
        channel = try Channel.connect(to: address, loop: client.loop)
        channel.attach(self)
        deadline.set(
            client.loop.now + client.settings.connectTimeout,
            on: client.loop,
            target: self,
            kind: 0
        )
    }

    // MARK: A request

    func begin(_ stream: HTTP1ExecutorStream) {
        self.stream = stream
        stream.connection = self
        let request = stream.request
        head.removeAll(keepingCapacity: true)
        HTTP1Writer.appendRequest(
            method: request.method,
            target: request.target,
            host: request.host,
            fields: request.fields,
            body: request.body.map { .known($0.length) } ?? .none,
            to: &head
        )
        sentOfBody = 0
        isRequestSent = false
        keepAlive = true
        parser = HTTP1ResponseParser()
        if case .idle = state {
            stream.isReused = true
            deadline.clear()
            state = .head
        }
        channel.mark()
    }

    func channelOpened(_ channel: Channel) {
        deadline.clear()
        state = .head
        channel.mark()
    }

    func channelFlush(_ channel: Channel, into scratch: Scratch) {
        guard let stream, !isRequestSent else { return }
        if !head.isEmpty {
            scratch.append(head)
            head = []
        }
        if let body = stream.request.body, sentOfBody < body.length {
            let step = min(128 << 10, body.length - sentOfBody)
            body.append(from: sentOfBody, upTo: step, to: scratch)
            sentOfBody += step
            if sentOfBody < body.length {
                channel.mark()
                return
            }
        }
        isRequestSent = true
    }

    func channelDrained(_ channel: Channel) {
        guard isRequestSent, let stream, !stream.isSentReported else { return }
        stream.isSentReported = true
        stream.handler?.requestSent()
    }

    // MARK: Its answer

    func channel(_ channel: Channel, received bytes: Span<UInt8>) {
        guard stream != nil else {
            // An answer that nobody asked for: the connection cannot be trusted.
            close()
            return
        }
        stream?.hasReceived = true
        if isRequestSent, stream?.request.body != nil { stream?.letGoOfRequest() }
        // The kernel goes back to acknowledging at once whenever an acknowledgement has been late: so say it again.
        reads &+= 1
        if reads & 3 == 1 { channel.acknowledgeLate() }
        if partial.isEmpty {
            read(bytes)
        } else {
            for index in bytes.indices { partial.append(bytes[index]) }
            let all = partial
            partial = []
            read(all.span)
        }
    }

    private func read(_ bytes: Span<UInt8>) {
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
                stream.handler?.responseBody(rest.extracting(0..<step))
                if left == step, self.stream === stream { responseEnded(stream, excess: bytes.count - used) }
            case .chunked:
                switch decoder.decode(rest) {
                case .data(let range):
                    used += range.upperBound
                    stream.handler?.responseBody(rest.extracting(range))
                case .needsMore: return
                case .end(let consumed):
                    used += consumed
                    responseEnded(stream, excess: bytes.count - used)
                case .failed(let error): fail(.violation(error))
                }
            case .untilClose:
                stream.handler?.responseBody(rest)
                return
            case .connecting, .idle, .closed: return
            }
        }
    }

    /// - Returns: how many bytes the head took; nil when it is not whole, or wrong.
    private func readHead(_ bytes: Span<UInt8>, of stream: HTTP1ExecutorStream) -> Int? {
        switch parser.parse(bytes, toHEAD: stream.request.method == .head) {
        case .incomplete:
            for index in bytes.indices { partial.append(bytes[index]) }
            return nil
        case .failed(let error):
            fail(.violation(error))
            return nil
        case .head(let head, let body, let keepAlive, let consumed):
            guard head.status >= 200 else { return consumed }
            self.keepAlive = keepAlive
            switch body {
            case .none, .known(0): state = .body(left: 0)
            case .known(let length): state = .body(left: length)
            case .chunked:
                decoder = ChunkedDecoder()
                state = .chunked
            case .untilClose:
                self.keepAlive = false
                state = .untilClose
            }
            stream.handler?.responseHead(head, body: body)
            if case .body(0) = state, self.stream === stream { responseEnded(stream, excess: bytes.count - consumed) }
            return consumed
        }
    }

    private func responseEnded(_ stream: HTTP1ExecutorStream, excess: Int) {
        let handler = stream.handler
        detach()
        if keepAlive, isRequestSent, excess == 0, !channel.isClosed {
            state = .idle
            channel.setReading(true)
            channel.readLimit = .max
            deadline.set(
                client.loop.now + client.settings.idleTimeout,
                on: client.loop,
                target: self,
                kind: 0
            )
            if !client.keep(self) { close() }
        } else {
            close()
        }
        handler?.responseEnded()
    }

    private func detach() {
        stream?.handler = nil
        stream?.connection = nil
        stream = nil
        partial = []
    }

    // MARK: Ends

    func channel(_ channel: Channel, ended end: ChannelEnd) {
        if case .untilClose = state, case .closed = end, let stream {
            responseEnded(stream, excess: 0)
            return
        }
        switch end {
        case .failed(let error) where error.call == "connect": fail(.unreachable(error))
        default: fail(isInResponse ? .closedInResponse : .closedBeforeHead)
        }
    }

    private var isInResponse: Bool {
        switch state {
        case .body, .chunked, .untilClose: true
        default: false
        }
    }

    private func fail(_ failure: ExecutorFailure) {
        let stream = stream
        detachKeepingHandler()
        close()
        stream?.failed(failure)
    }

    private func detachKeepingHandler() {
        stream?.connection = nil
        stream = nil
    }

    /// Closes at once, whatever is under way; nobody is told.
    func close() {
        if case .closed = state { return }
        state = .closed
        deadline.cancel(on: client.loop)
        detach()
        channel.close()
        client.lost(self)
    }

    func channelReleased(_ channel: Channel) { close() }

    func timerFired(_ kind: Int) {
        guard deadline.fired(on: client.loop, target: self, kind: kind) else { return }
        if case .connecting = state { fail(.connectTimeout) } else { close() }
    }

    func setReading(_ reading: Bool) { channel.setReading(reading) }
    func setReadLimit(_ bytes: Int) { channel.readLimit = bytes }
}
