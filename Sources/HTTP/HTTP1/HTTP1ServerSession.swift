// Serves one client connection over HTTP/1.1, one request after the other. A bounded buffer keeps requests that the
// client sends before the earlier response is complete.
internal import Transport

/// The server's side of one HTTP/1.1 or HTTP/1.0 connection.
///
/// A session is used only by the worker thread of its connection. The extensions contain refusals (`+Refusals`), the
/// end of the connection (`+Ends`) and the upgrade to HTTP/2 (`+Upgrade`).
final class HTTP1ServerSession: ServerProtocol {
    enum State {
        /// Waiting for a request head, or for the rest of a head whose first bytes have arrived.
        case head
        /// Reading a body of known length, of which `left` bytes have not arrived yet.
        case body(left: Int)
        /// Reading a chunked body.
        case chunked
        /// Reading the body of a request that asks for `Upgrade: h2c`.
        ///
        /// After the body, the connection switches to HTTP/2.
        case upgradeBody(left: Int)
        /// The request has been read, and its response is not complete.
        case responding
        /// The session reads no more bytes, and closes the connection after the output has been sent.
        case closing
    }

    /// How many received bytes may be in `waiting` before the session stops reading from the client.
    static let lookAheadMax = 64 << 10
    /// How many bytes of a request body the handler may leave unprocessed before the session stops reading from the
    /// client.
    ///
    /// A handler usually processes bytes at once. It leaves bytes unprocessed only while too little memory is free for
    /// them.
    static let bodyWindow = 64 << 10
    /// The largest body, in bytes, of a request that asks for the upgrade to HTTP/2.
    ///
    /// If the body is larger, the session ignores `Upgrade`, which RFC 9110 section 7.8 allows.
    static let upgradeBodyMax = 256 << 10

    let connection: ServerConnection
    var state = State.head
    var parser: HTTP1RequestParser
    var decoder = ChunkedDecoder()
    /// Received bytes that wait to be parsed: the beginning of a head, or pipelined requests.
    var waiting: [UInt8] = []
    /// The current request and its response; nil between two requests.
    var stream: HTTP1ServerStream?
    /// Response bytes that wait to be sent, in the order of the requests.
    var output: ByteQueue
    var outputCharge = MemoryCharge()
    /// The request that asks for an upgrade to HTTP/2, while the session reads its body; nil at other times.
    var upgrading: UpgradedRequest?
    /// How much memory is charged to the connection for received bytes (`waiting`), for an incomplete head, and for a
    /// request that asks for an upgrade (`upgrading`).
    var inputCharge = MemoryCharge()
    /// How the connection drains, which means that it closes after its current requests; nil if it does not drain.
    var draining: ConnectionDrain?
    /// Whether the session has paused reading from the client's socket.
    var isPaused = false
    /// Whether `read` is running.
    ///
    /// `read` must not be called again before it returns.
    var isReading = false
    /// The number of request body bytes that the handler has received but not processed yet.
    var unconsumed = 0
    /// Whether the first bytes of a head have arrived, and a deadline for the rest of the head has been set.
    var headDeadlineRuns = false
    /// Checks whether the client reads a finished response fast enough.
    var readPace = ReadPace()
    /// Whether a request head has been read on this connection.
    private(set) var hasServed = false

    init(connection: ServerConnection) {
        self.connection = connection
        output = ByteQueue(pool: connection.channel.loop.chunks)
        parser = HTTP1RequestParser(
            limits: HTTP1Limits(
                headBytes: connection.settings.headerBytesMax,
                fields: connection.settings.headerCountMax
            )
        )
    }

    var activeStreams: Int { stream == nil ? 0 : 1 }
    var channel: Channel { connection.channel }

    func start() { awaitHead(first: true) }

    /// Sets the deadline for the first byte of the next request.
    func awaitHead(first: Bool) {
        let settings = connection.settings
        connection.setDeadline(channel.loop.now + (first ? settings.headerTimeout : settings.idleTimeout))
    }

    // MARK: Reading

    func receive(_ bytes: Span<UInt8>) {
        if waiting.isEmpty, !isReading {
            let used = read(bytes)
            if used < bytes.count { keep(bytes.extracting(used..<bytes.count)) }
        } else {
            keep(bytes)
            readWaiting()
        }
        chargeInput()
    }

    /// Charges the memory account of the connection for the received bytes that the session keeps.
    ///
    /// The memory is already in use, so the charge may exceed the limit of the connection.
    func chargeInput() {
        let size = waiting.capacity + (waiting.isEmpty ? 0 : parser.footprint) + (upgrading?.footprint ?? 0)
        if size != inputCharge.bytes { inputCharge.set(size, on: connection.account) }
    }

    /// Charges the connection's memory account for response bytes that wait to be sent, as far as they exceed what the
    /// handler of the request has reserved for them.
    func chargeOutput() {
        let beyond = output.footprint - (stream?.outputPaid ?? 0)
        if beyond > 0 || outputCharge.bytes > 0 { outputCharge.set(max(0, beyond), on: connection.account) }
    }

    /// Appends bytes to `waiting`, and pauses reading if `waiting` is full.
    func keep(_ bytes: Span<UInt8>) {
        if case .closing = state { return }
        waiting.append(bytes)
        updateReading()
    }

    /// Pauses reading from the client if `waiting` is full or the handler has too many unprocessed bytes, and resumes
    /// reading if not.
    ///
    /// While reading is paused, the session still notices when the client closes the connection.
    func updateReading() {
        let isFull = waiting.count >= Self.lookAheadMax || unconsumed >= Self.bodyWindow
        guard isFull != isPaused, !channel.isClosed else { return }
        isPaused = isFull
        channel.setReading(!isFull, watchingHangup: true)
    }

    /// Reduces `unconsumed`, because the handler has processed bytes of the request body.
    func consumed(_ bytes: Int, of stream: HTTP1ServerStream) {
        guard self.stream === stream else { return }
        unconsumed = max(0, unconsumed - bytes)
        if isPaused { updateReading() }
    }

    /// Parses the bytes in `waiting`, and keeps those that cannot be parsed yet.
    func readWaiting() {
        guard !isReading, !waiting.isEmpty else { return }
        let bytes = waiting
        waiting = []
        let used = read(bytes.span)
        if case .closing = state { return }
        // Bytes that arrived during `read` are in `waiting` now. They come after the bytes that `read` has not parsed.
        if used < bytes.count { waiting = Array(bytes[used...]) + waiting }
        updateReading()
    }

    /// Parses requests until a request head is incomplete, or until a response must be completed before the next
    /// request.
    ///
    /// - Returns: the number of bytes that were parsed. The caller keeps the remaining bytes.
    func read(_ bytes: Span<UInt8>) -> Int {
        isReading = true
        defer { isReading = false }
        var used = 0
        while used < bytes.count {
            let rest = bytes.extracting(used..<bytes.count)
            switch state {
            case .head:
                guard let step = readHead(rest) else { return used }
                used += step
            case .body(let left):
                let step = min(left, rest.count)
                used += step
                state = .body(left: left - step)
                deliver(rest.extracting(0..<step), last: left == step)
            case .chunked:
                guard let step = readChunk(rest) else { return bytes.count }
                used += step
            case .upgradeBody(let left): used += readUpgradeBody(rest, left: left)
            case .responding: return used
            case .closing: return bytes.count
            }
        }
        return used
    }

    /// Sets the deadline for the rest of a head, after its first bytes have arrived.
    func headBegan() {
        guard !headDeadlineRuns else { return }
        headDeadlineRuns = true
        // When the server stops, this is the first request of the connection. `drain` has already set a deadline for
        // it, and that deadline stays in force.
        if draining == .stopping { return }
        connection.clearDeadline()
        connection.setDeadline(channel.loop.now + connection.settings.headerTimeout)
    }

    /// Parses a request head, and begins to serve the request.
    ///
    /// - Returns: the number of bytes that were used; nil if the head is incomplete. After a malformed head, all bytes
    ///   count as used.
    private func readHead(_ bytes: Span<UInt8>) -> Int? {
        switch parser.parse(bytes) {
        case .incomplete:
            headBegan()
            return nil
        case .failed(let error):
            if !hasServed, let other = OtherProtocol(bytes) {
                connection.delegate.spokeOtherwise(other, on: connection)
                connection.close(.violation("the client spoke no HTTP"))
            } else {
                refuse(status: error.status, message: error.message, isHEAD: Self.asksForHEAD(bytes))
            }
            return bytes.count
        case .head(let head, let consumed):
            hasServed = true
            begin(head)
            guard case .upgradeBody(0) = state else { return consumed }
            upgrade(rest: bytes.extracting(consumed..<bytes.count))
            return bytes.count
        }
    }

    /// Reads body bytes of a request that asks for HTTP/2.
    ///
    /// After the last byte of the body, an HTTP/2 session takes over the connection.
    ///
    /// - Returns: the number of bytes that were read, including bytes after the body, which the HTTP/2 session takes.
    private func readUpgradeBody(_ bytes: Span<UInt8>, left: Int) -> Int {
        let step = min(left, bytes.count)
        for index in 0..<step { upgrading?.body.append(bytes[index]) }
        state = .upgradeBody(left: left - step)
        guard left == step else { return step }
        upgrade(rest: bytes.extracting(step..<bytes.count))
        return bytes.count
    }

    /// Decodes the next bytes of a chunked body, and passes the data in them to the handler.
    ///
    /// - Returns: the number of bytes that were read; nil if the request has been refused.
    func readChunk(_ bytes: Span<UInt8>) -> Int? {
        switch decoder.decode(bytes) {
        case .data(let range):
            deliver(bytes.extracting(range), last: false)
            return range.upperBound
        case .needsMore(let consumed): return consumed
        case .end(let consumed):
            deliver(bytes.extracting(0..<0), last: true)
            return consumed
        case .failed(let error):
            failBody(status: error.status, message: error.message)
            return nil
        }
    }

    /// Passes bytes of a request body to the handler of the request.
    ///
    /// `last` is true if the body ends with these bytes.
    func deliver(_ bytes: Span<UInt8>, last: Bool) {
        guard let stream else { return }
        if last {
            state = .responding
            stream.isRequestWhole = true
        }
        // After the handler has finished the response, the session drops the rest of the body. It still reads it,
        // because some clients read the response only after they have sent the whole body.
        guard !stream.isFinished, let handler = stream.handler else { return }
        if !bytes.isEmpty {
            unconsumed += bytes.count
            handler.requestBody(bytes)
            if self.stream === stream { updateReading() }
        }
        if last, !stream.isClosed, !stream.isFinished { handler.requestEnded() }
    }

    /// Whether a malformed request has the method HEAD, so that the response must have no body.
    ///
    /// Empty lines before the request are skipped (RFC 9112 section 2.2).
    private static func asksForHEAD(_ bytes: Span<UInt8>) -> Bool {
        var start = 0
        while start < bytes.count, bytes[start] == 0x0D || bytes[start] == 0x0A { start += 1 }
        return bytes.extracting(droppingFirst: start).extracting(first: 5).equals("HEAD ")
    }

    /// Sets `state` for the body that a request head has announced.
    private func expect(_ body: BodyLength) {
        switch body {
        case .none, .known(0): state = .responding
        case .known(let length): state = .body(left: length)
        case .unknown:
            decoder = ChunkedDecoder()
            state = .chunked
        }
    }

    /// Begins to serve a request, because its whole head has arrived.
    func begin(_ head: RequestHead) {
        connection.clearDeadline()
        headDeadlineRuns = false
        if wantsUpgrade(head) { return }
        connection.countRequest()
        let stream = HTTP1ServerStream(server: self, connection: connection, head: head)
        stream.keepAlive = head.keepAlive && draining == nil
        guard stream.admit(headOf: head.footprint) else {
            refuse(status: 503, message: "there is no memory for this request", isHEAD: head.method == .head)
            return
        }
        unconsumed = 0
        self.stream = stream
        expect(head.body)
        if case .responding = state { stream.isRequestWhole = true }
        stream.adopt(connection.handler(for: head, on: stream))
        if stream.isRequestWhole, !stream.isFinished { stream.handler?.requestEnded() }
    }

    // MARK: Writing

    func continueReceiving() {
        readWaiting()
        chargeInput()
    }

    func flush(into scratch: Scratch) {
        guard !output.isEmpty else { return }
        output.move(upTo: 128 << 10, to: scratch)
        if !output.isEmpty { channel.mark() }
        chargeOutput()
        stream?.lastMoved = channel.loop.now
    }

    /// Called when the kernel has accepted all output that was queued so far.
    func drained() {
        guard let stream else { return }
        stream.lastMoved = channel.loop.now
        if !stream.isFinished { stream.handler?.outputMoved() } else if output.isEmpty { finishedResponse(of: stream) }
    }

    /// Sets the deadline by which the client must have read the response, because the handler has finished the
    /// response.
    func finishing() {
        guard let stream else { return }
        let settings = connection.settings
        readPace = ReadPace()
        readPace.begin(
            taken: -stream.buffered,
            waiting: stream.buffered,
            window: settings.idleTimeout,
            bytesPerSecondMin: settings.readBytesPerSecondMin,
            at: channel.loop.now
        )
        connection.setDeadline(channel.loop.now + settings.idleTimeout)
    }

    /// Ends a request, because the kernel has accepted its whole response for sending.
    ///
    /// The session then reads the next request or closes the connection.
    func finishedResponse(of stream: HTTP1ServerStream) {
        let goesOn = stream.keepAlive && stream.isRequestWhole
        let handler = release(stream)
        if goesOn {
            state = .head
            awaitHead(first: false)
        } else {
            state = .closing
            connection.closeWhenFlushed()
        }
        handler?.responseFinished()
        guard goesOn else { return }
        if channel.yields, !waiting.isEmpty { channel.continueNextTurn() } else { continueReceiving() }
    }

    /// Removes the object of a request, so that the object and the session no longer retain each other.
    ///
    /// - Returns: the handler of the request, so that the caller can call it for the last time.
    func release(_ stream: HTTP1ServerStream) -> (any ServerStreamHandler)? {
        let handler = stream.handler
        stream.isClosed = true
        stream.handler = nil
        stream.letGoOfMemory()
        self.stream = nil
        chargeOutput()
        unconsumed = 0
        updateReading()
        return handler
    }

    /// Closes the connection, because the response cannot be completed.
    ///
    /// If an ordinary close would make the response look complete, the connection is closed with a TCP reset.
    func abort(_ stream: HTTP1ServerStream) {
        guard self.stream === stream, !stream.isClosed else { return }
        state = .closing
        stream.isBroken = true
        _ = release(stream)
        connection.closeWhenFlushed(abruptly: stream.version == .http10 || stream.endsWithClose)
    }
}
