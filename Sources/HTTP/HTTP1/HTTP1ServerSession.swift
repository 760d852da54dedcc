// HTTP/1.1 with one client: requests strictly in their order, pipelined ones waiting in a bounded buffer.
internal import Transport

/// The server's side of one HTTP/1.1 or HTTP/1.0 connection.
///
/// Confined to the worker of its connection. The extensions hold refusals (`+Refusals`) and the upgrade to HTTP/2
/// (`+Upgrade`).
final class HTTP1ServerSession: ServerProtocol {
    enum State {
        /// The next request head is awaited or has arrived in part.
        case head
        /// A body of known length is being read.
        case body(left: Int)
        /// A chunked body is being read.
        case chunked
        /// A request that asks for `Upgrade: h2c` is read whole before HTTP/2 begins.
        case upgradeBody(left: Int)
        /// The request has been read, and its response is under way.
        case responding
        /// Nothing more is read, and the connection closes after the output.
        case closing
    }

    /// How many bytes may be read ahead of the response under way; then reading pauses.
    static let lookAheadMax = 64 << 10
    /// How many bytes of a request body a handler may hold; the same as the window of an HTTP/2 stream.
    static let bodyWindow = 256 << 10
    /// The largest body of a request that is upgraded, in bytes.
    ///
    /// With a larger one `Upgrade` is ignored, which RFC 9110 section 7.8 allows.
    static let upgradeBodyMax = 256 << 10

    let connection: ServerConnection
    var state = State.head
    var parser: HTTP1RequestParser
    var decoder = ChunkedDecoder()
    /// Bytes that have been received and not read: a part of a head, or pipelined requests.
    var waiting: [UInt8] = []
    /// The request under way.
    var stream: HTTP1ServerStream?
    /// Response bytes that wait for the client, in the order of their requests.
    var output: ByteQueue
    var outputCharge = MemoryCharge()
    /// The request that is being read whole before HTTP/2 begins.
    var upgrading: UpgradedRequest?
    /// The charge for `waiting`, for the part of a head, and for the request of an upgrade.
    var inputCharge = MemoryCharge()
    var isDraining = false
    /// Reading has been paused.
    var isPaused = false
    /// `read` is running; a call from inside of it must not begin another one.
    var isReading = false
    /// Bytes of the request body that were given to the handler and that it has not taken yet.
    var unconsumed = 0
    /// The deadline for the rest of a head has been set.
    var headDeadlineRuns = false
    /// A request head has been read on this connection.
    private var hasServed = false

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

    /// Sets the deadline for the next request to begin.
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

    /// Charges the memory of bytes that were received and not read yet.
    ///
    /// They are held already, so the charge may exceed what the connection may hold.
    func chargeInput() {
        let size = waiting.capacity + (waiting.isEmpty ? 0 : parser.footprint) + (upgrading?.footprint ?? 0)
        if size != inputCharge.bytes { inputCharge.set(size, on: connection.account) }
    }

    /// Charges output beyond what the handler has reserved memory for.
    func chargeOutput() {
        let beyond = output.footprint - (stream?.outputPaid ?? 0)
        if beyond > 0 || outputCharge.bytes > 0 { outputCharge.set(max(0, beyond), on: connection.account) }
    }

    /// Keeps bytes for later, and pauses reading if there are too many.
    func keep(_ bytes: Span<UInt8>) {
        if case .closing = state { return }
        waiting.append(bytes)
        updateReading()
    }

    /// Pauses reading while `waiting` or the window of the body is full.
    ///
    /// A client that closes its connection is noticed even while reading is paused.
    func updateReading() {
        let isFull = waiting.count >= Self.lookAheadMax || unconsumed >= Self.bodyWindow
        guard isFull != isPaused, !channel.isClosed else { return }
        isPaused = isFull
        channel.setReading(!isFull, watchingHangup: true)
    }

    /// The handler has taken bytes of the request body.
    func consumed(_ bytes: Int, of stream: HTTP1ServerStream) {
        guard self.stream === stream else { return }
        unconsumed = max(0, unconsumed - bytes)
        if isPaused { updateReading() }
    }

    /// Reads the bytes that were kept.
    func readWaiting() {
        guard !isReading, !waiting.isEmpty else { return }
        let bytes = waiting
        waiting = []
        let used = read(bytes.span)
        if case .closing = state { return }
        // Bytes that arrived during `read` come after those that it has not read.
        if used < bytes.count { waiting = Array(bytes[used...]) + waiting }
        updateReading()
    }

    /// Reads as many requests as it can.
    ///
    /// - Returns: how many bytes were read; the caller keeps the rest.
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

    /// The first bytes of a head have arrived: the rest has to arrive within `headerTimeout`.
    func headBegan() {
        guard !headDeadlineRuns else { return }
        headDeadlineRuns = true
        // `drain` has set a deadline for the first request.
        if isDraining { return }
        connection.clearDeadline()
        connection.setDeadline(channel.loop.now + connection.settings.headerTimeout)
    }

    /// Reads a head.
    ///
    /// - Returns: how many bytes were read, which are all after a malformed head; nil if the head is not whole.
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

    /// Keeps the body of a request that asks for HTTP/2, and changes to HTTP/2 behind it.
    ///
    /// - Returns: how many bytes were read; the HTTP/2 session takes all behind the body.
    private func readUpgradeBody(_ bytes: Span<UInt8>, left: Int) -> Int {
        let step = min(left, bytes.count)
        for index in 0..<step { upgrading?.body.append(bytes[index]) }
        state = .upgradeBody(left: left - step)
        guard left == step else { return step }
        upgrade(rest: bytes.extracting(step..<bytes.count))
        return bytes.count
    }

    /// Reads a piece of a chunked body.
    ///
    /// - Returns: how many bytes were read; nil if the request has been refused.
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

    /// Hands bytes of a body to the handler; with `last`, the body ends.
    func deliver(_ bytes: Span<UInt8>, last: Bool) {
        guard let stream else { return }
        if last {
            state = .responding
            stream.isRequestWhole = true
        }
        // After a whole response the rest of the body is read and dropped, so that the client goes on to read the
        // response.
        guard !stream.isFinished, let handler = stream.handler else { return }
        if !bytes.isEmpty {
            unconsumed += bytes.count
            handler.requestBody(bytes)
            if self.stream === stream { updateReading() }
        }
        if last, !stream.isClosed, !stream.isFinished { handler.requestEnded() }
    }

    /// Whether a malformed request begins with the method HEAD, after empty lines (RFC 9112 section 2.2).
    private static func asksForHEAD(_ bytes: Span<UInt8>) -> Bool {
        var start = 0
        while start < bytes.count, bytes[start] == 0x0D || bytes[start] == 0x0A { start += 1 }
        return bytes.extracting(droppingFirst: start).extracting(first: 5).equals("HEAD ")
    }

    /// Prepares to read the body that a head has announced.
    private func expect(_ body: BodyLength) {
        switch body {
        case .none, .known(0): state = .responding
        case .known(let length): state = .body(left: length)
        case .unknown:
            decoder = ChunkedDecoder()
            state = .chunked
        }
    }

    /// A request head has arrived whole.
    func begin(_ head: RequestHead) {
        connection.clearDeadline()
        headDeadlineRuns = false
        if wantsUpgrade(head) { return }
        let stream = HTTP1ServerStream(server: self, connection: connection, head: head)
        stream.keepAlive = head.keepAlive && !isDraining
        guard stream.admit(headOf: head.footprint) else {
            refuse(status: 503, message: "there is no memory for this request", isHEAD: head.method == .head)
            return
        }
        unconsumed = 0
        self.stream = stream
        expect(head.body)
        if case .responding = state { stream.isRequestWhole = true }
        stream.adopt(connection.delegate.handler(for: head, on: stream))
        if stream.isRequestWhole, !stream.isFinished { stream.handler?.requestEnded() }
    }

    // MARK: Writing

    func flush(into scratch: Scratch) {
        guard !output.isEmpty else { return }
        output.move(upTo: 128 << 10, to: scratch)
        if !output.isEmpty { channel.mark() }
        chargeOutput()
        stream?.lastMoved = channel.loop.now
    }

    /// The kernel has taken everything up to here.
    func drained() {
        guard let stream else { return }
        stream.lastMoved = channel.loop.now
        if !stream.isFinished { stream.handler?.outputMoved() } else if output.isEmpty { finishedResponse(of: stream) }
    }

    /// The handler has sent the whole response: the client has a deadline to take it.
    func finishing() { connection.setDeadline(channel.loop.now + connection.settings.idleTimeout) }

    /// The response has gone out whole: the next request is read, or the connection closes.
    func finishedResponse(of stream: HTTP1ServerStream) {
        let goesOn = stream.keepAlive && stream.isRequestWhole && !isDraining
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
        readWaiting()
        chargeInput()
    }

    /// Releases the stream, which holds this session in turn.
    ///
    /// - Returns: the handler, for its last call.
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

    /// Ends a broken response with the connection: by a reset where an ordinary close would make it look whole.
    func abort(_ stream: HTTP1ServerStream) {
        guard self.stream === stream, !stream.isClosed else { return }
        state = .closing
        stream.isBroken = true
        _ = release(stream)
        connection.closeWhenFlushed(abruptly: stream.version == .http10 || stream.endsWithClose)
    }

    // MARK: Ends

    func ended(_ end: ClientEnd) {
        state = .closing
        waiting = []
        guard let stream else { return }
        stream.bytesLost = stream.buffered
        release(stream)?.clientLeft(end)
    }

    func drain() {
        isDraining = true
        stream?.keepAlive = false
        guard stream == nil else { return }
        guard case .head = state, !hasServed else {
            connection.closeWhenFlushed()
            return
        }
        connection.setDeadline(channel.loop.now + ServerConnection.firstRequestPeriod)
    }

    func deadlinePassed() {
        if let stream {
            // The session sets a deadline only for a finished response that its client does not take.
            let due = max(channel.lastProgress, stream.lastMoved) + connection.settings.idleTimeout
            if due > channel.loop.now { connection.setDeadline(due) } else { connection.close(.edge) }
            return
        }
        guard case .head = state, headDeadlineRuns else {
            if case .upgradeBody = state {
                refuse(status: 408, message: "the request body did not arrive in time")
            } else {
                connection.closeWhenFlushed()
            }
            return
        }
        refuse(status: 408, message: "the request head did not arrive in time")
    }
}
