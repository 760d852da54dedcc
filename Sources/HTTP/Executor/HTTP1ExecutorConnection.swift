// An HTTP/1.1 connection to an executor, which is kept alive and carries one request at a time.
internal import Transport

/// One HTTP/1.1 connection to an executor, without pipelining.
///
/// A connection is used only by its worker thread.
final class HTTP1ExecutorConnection: ChannelHandler, TimerTarget, AttemptCarrier {
    private enum State { case idle, head, body(left: Int), chunked, untilClose, closed }

    private let client: ExecutorClient
    private let channel: Channel
    private var state = State.idle
    private var attempt: ExecutorAttempt?
    /// Whether the connection has carried an earlier request.
    private var hasServed = false
    private var parser = HTTP1ResponseParser()
    private var decoder = ChunkedDecoder()
    /// The bytes of an incomplete response head.
    private var partial: [UInt8] = []
    /// The total size of the interim heads (1xx) of the response so far, in bytes.
    ///
    /// Interim heads are dropped, but their total size is limited.
    private var interimBytes = 0
    private var keepAlive = true
    private var deadline = Deadline()

    /// The request head; empty after it has been sent.
    private var head: [UInt8] = []
    private var sentOfBody = 0
    private var isRequestSent = false

    /// Makes the connection from an open channel (a connected socket).
    init(client: ExecutorClient, channel: Channel) {
        self.client = client
        self.channel = channel
        channel.attach(self)
    }

    // MARK: A request

    func begin(_ attempt: ExecutorAttempt) {
        self.attempt = attempt
        attempt.carrier = self
        attempt.isReused = hasServed
        hasServed = true
        let request = attempt.request
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
        interimBytes = 0
        parser = HTTP1ResponseParser()
        deadline.clear()
        state = .head
        channel.mark()
    }

    /// Never called, because `ExecutorDial` has already opened the channel.
    func channelOpened(_ channel: Channel) {}

    func channelFlush(_ channel: Channel, into scratch: Scratch) {
        guard let attempt, !isRequestSent else { return }
        if !head.isEmpty {
            scratch.append(head)
            head = []
        }
        if let body = attempt.request.body, sentOfBody < body.length {
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
        guard isRequestSent else { return }
        attempt?.reportSent()
    }

    // MARK: The response

    func channel(_ channel: Channel, received bytes: Span<UInt8>) {
        guard let attempt else {
            // The executor has sent bytes without a request, so the connection cannot be used any more.
            close()
            return
        }
        if !attempt.hasReceived { client.remember(channel) }
        attempt.hasReceived = true
        if isRequestSent, attempt.request.body != nil { attempt.letGoOfRequest() }
        if case .chunked = state { channel.acknowledgeLate() }
        if partial.isEmpty {
            read(bytes)
        } else {
            partial.append(bytes)
            let all = partial
            partial = []
            read(all.span)
        }
    }

    private func read(_ bytes: Span<UInt8>) {
        var used = 0
        while used < bytes.count, let attempt {
            let rest = bytes.extracting(used..<bytes.count)
            switch state {
            case .head:
                guard let consumed = readHead(rest, of: attempt) else { return }
                used += consumed
            case .body(let left):
                let step = min(left, rest.count)
                used += step
                state = .body(left: left - step)
                attempt.handler?.responseBody(rest.extracting(0..<step))
                if left == step, self.attempt === attempt { responseEnded(attempt, excess: bytes.count - used) }
            case .chunked:
                guard let consumed = readChunk(rest, of: attempt) else { return }
                used += consumed
            case .untilClose:
                attempt.handler?.responseBody(rest)
                return
            case .idle, .closed: return
            }
        }
    }

    /// Decodes the next bytes of a chunked body, and passes the data in them to the handler.
    ///
    /// - Returns: the number of bytes that were read; nil if more bytes are needed, or if the body is malformed.
    @inline(__always)
    private func readChunk(_ bytes: Span<UInt8>, of attempt: ExecutorAttempt) -> Int? {
        switch decoder.decode(bytes) {
        case .data(let range):
            attempt.handler?.responseBody(bytes.extracting(range))
            return range.upperBound
        case .needsMore: return nil
        case .end(let consumed):
            responseEnded(attempt, excess: bytes.count - consumed)
            return consumed
        case .failed(let error):
            fail(.violation(error.message))
            return nil
        }
    }

    /// Prepares to read the body that a response head has announced.
    @inline(__always)
    private func expect(_ body: ResponseBody) {
        switch body {
        case .none, .known(0): state = .body(left: 0)
        case .known(let length): state = .body(left: length)
        case .chunked:
            decoder = ChunkedDecoder()
            state = .chunked
        case .untilClose:
            keepAlive = false
            state = .untilClose
        }
    }

    /// Reads a response head, and passes a final head to the handler.
    ///
    /// - Returns: the length of the head in bytes; nil if the head is incomplete, malformed or too large.
    private func readHead(_ bytes: Span<UInt8>, of attempt: ExecutorAttempt) -> Int? {
        switch parser.parse(bytes, toHEAD: attempt.request.method == .head) {
        case .incomplete:
            partial.append(bytes)
            return nil
        case .failed(let error):
            fail(.violation(error.message))
            return nil
        case .head(let head, let body, let keepAlive, let consumed):
            guard head.status >= 200 else {
                interimBytes += consumed
                guard interimBytes > HTTP1Limits.response.headBytes else { return consumed }
                fail(.violation("the interim heads are too large"))
                return nil
            }
            self.keepAlive = keepAlive
            expect(body)
            if head.fields.begins(.contentType, with: "text/event-stream") { channel.expectSmallReads() }
            attempt.handler?.responseHead(head, body: body)
            if case .body(0) = state, self.attempt === attempt {
                responseEnded(attempt, excess: bytes.count - consumed)
            }
            return consumed
        }
    }

    /// Handles the end of a complete response.
    ///
    /// The connection stays open for another request if the response and the settings allow it, the whole request was
    /// sent, and no unexpected bytes follow.
    private func responseEnded(_ attempt: ExecutorAttempt, excess: Int) {
        self.attempt = nil
        partial = []
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
        attempt.ended()
    }

    // MARK: Ends

    func channel(_ channel: Channel, ended end: ChannelEnd) {
        if case .untilClose = state, case .closed = end, let attempt {
            responseEnded(attempt, excess: 0)
            return
        }
        fail(isInResponse ? .closedInResponse : .closedBeforeHead)
    }

    private var isInResponse: Bool {
        switch state {
        case .body, .chunked, .untilClose: true
        default: false
        }
    }

    private func fail(_ failure: ExecutorFailure) {
        let attempt = attempt
        self.attempt = nil
        close()
        attempt?.failed(failure)
    }

    /// Closes the connection at once, even if a request is under way.
    ///
    /// The handler of that request is not told.
    func close() {
        if case .closed = state { return }
        state = .closed
        deadline.cancel(on: client.loop)
        attempt?.carrier = nil
        attempt = nil
        partial = []
        channel.close()
        client.lost(self)
    }

    func channelReleased(_ channel: Channel) { close() }

    /// Closes the connection, because it was unused for too long.
    func timerFired(_ kind: Int) {
        guard deadline.fired(on: client.loop, target: self, kind: kind) else { return }
        if case .idle = state { close() }
    }

    // MARK: AttemptCarrier

    func setReading(_ reading: Bool) { channel.setReading(reading) }
    func setReadLimit(_ bytes: Int) { channel.readLimit = bytes }
    func cancel(_ attempt: ExecutorAttempt) { close() }
}
