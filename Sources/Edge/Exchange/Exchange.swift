// One request of a client and its response, from the head to the last byte: carries out what its machine decides.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// Confined to its worker.
///
/// Split by phase: this file holds the state and the actions; `+Request` the way in, `+Answer` the way out,
/// `+Deadlines` the timer.
final class Exchange: ServerStreamHandler, ExecutorStreamHandler, TimerTarget {
    let worker: Worker
    let stream: ServerStream
    let snapshot: Snapshot
    let endpoint: Endpoint
    let crossOrigin: CrossOriginGrant?
    var machine = ExchangeMachine()
    var record: ExchangeRecord
    /// Its place among the worker's exchanges.
    var slot = 0
    /// Of all the worker's exchanges so far: tells it from one that had the place before.
    var number = 0

    // The request; let go as soon as the attempt cannot be repeated any more.
    var head: RequestHead?
    var body: RequestBody?
    /// What the exchange is charged, to its client's connection.
    var memory: ExchangeMemory
    var scan: RequestScan?
    /// Already decided, and told once the body has been read.
    var refusal: Failure?
    /// Who asks, from authentication to the end.
    var caller: Caller?

    // The attempt.
    var attempt: (any ExecutorStream)?
    var target: ExecutorTarget?
    var removesUsageEvent = false
    /// Which executors have been tried, and what may still be.
    var routing: ExchangeRouting?
    /// A retry that waits for room in the budget, and until when.
    var postponed: (Failure, until: Nanoseconds)?

    // The answer.
    var answerHead: ResponseHead?
    var kind = AnswerKind.none
    /// Nothing but the connection's end tells where the answer ends.
    var endsWithClose = false
    var splitter = EventSplitter()
    var meter: Meter
    /// An answer that is not a stream, held until it is whole or large.
    var held: [UInt8] = []
    /// Its `content-length`, if it has one.
    var expectedLength: Int?
    var answerScan: AnswerScan?
    var isPaused = false

    // Deadlines.
    var dues = Dues()
    var deadline = Deadline()

    enum AnswerKind { case none, events, document, passing }

    /// What an answer that is not a stream may weigh and still be held until it is whole (design.md, Relay).
    static let heldMax = 256 << 10

    init(worker: Worker, head: RequestHead, stream: ServerStream) {
        self.worker = worker
        self.stream = stream
        snapshot = worker.snapshot
        endpoint = Endpoint(method: head.method, target: head.target)
        let dialect: Dialect
        if case .model(let found) = endpoint {
            dialect = found
        } else {
            dialect = endpoint.isOfModels && head.fields.string(named: "anthropic-version") != nil ? .messages : .other
        }
        crossOrigin = snapshot.crossOrigin?.grant(head.fields)
        meter = Meter(dialect: dialect)
        record = ExchangeRecord(
            head: head,
            requestID: worker.requestID(for: head),
            now: worker.loop.now
        )
        memory = ExchangeMemory(account: stream.connection.account, budget: worker.budget)
        self.head = head
    }

    var dialect: Dialect { meter.dialect }
    var now: Nanoseconds { worker.loop.now }

    /// Tells the machine what happened, and does what it says.
    func handle(_ event: ExchangeMachine.Event) {
        for action in machine.handle(event) { perform(action) }
    }

    private func perform(_ action: ExchangeMachine.Action) {
        switch action {
        case .identify: identify()
        case .startAttempt: startAttempt()
        case .commit: commit()
        case .commitSilently: commitSilently()
        case .sendComment: sendComment()
        case .answer(let failure): answer(failure)
        case .finish: finishResponse()
        case .breakOff(let failure, let withEvent): breakOff(failure, withEvent: withEvent)
        case .cutClient:
            record.bytesLost = stream.buffered
            stream.abort()
        case .abortAttempt: abortAttempt()
        case .leaveQueue: routing?.leaveQueue()
        case .end(let end): self.end(end)
        }
    }

    // MARK: Ends

    /// A status and a JSON body that says what went wrong, in the client's dialect.
    private func answer(_ failure: Failure) {
        letGoOfRequest()
        memory.letGoOfAttempt()
        dues = Dues()
        let bytes = failure.body(dialect, requestID: record.requestID)
        var fields = FieldBlock()
        if case .methodNotAllowed(let allow) = endpoint { fields.append(.allow, allow.joined(separator: ", ")) }
        if let seconds = failure.retryAfter { fields.append(.retryAfter, String(seconds)) }
        if let milliseconds = failure.retryAfterMs { fields.append(.retryAfterMs, String(milliseconds)) }
        appendChallenge(failure, to: &fields)
        appendRates(to: &fields)
        sendDocument(
            status: failure.status,
            type: "application/json",
            fields: fields,
            SharedBytes(owned: bytes)
        )
    }

    /// A whole response from here: status, head and body in one write.
    func sendDocument(status: Int, type: String, fields extra: FieldBlock = FieldBlock(), _ bytes: SharedBytes) {
        var fields = extra
        fields.append(.contentType, type)
        fields.append(.contentLength, bytes.count)
        fields.append(.date, worker.date)
        FieldPolicy.appendRequestID(record.requestID, dialect: dialect, to: &fields)
        crossOrigin?.append(to: &fields)
        record.status = status
        record.committed = now
        let isHEAD = record.method == .head
        stream.respond(ResponseHead(status: status, fields: fields), end: isHEAD)
        if !isHEAD {
            stream.send(bytes)
            finishResponse()
        }
        watchClient()
    }

    /// A whole response without a body, from here.
    func answerWithoutBody(status: Int, _ extra: FieldBlock) {
        handle(.answeredHere)
        var fields = extra
        if status != 204 { fields.append(.contentLength, "0") }
        fields.append(.date, worker.date)
        FieldPolicy.appendRequestID(record.requestID, dialect: dialect, to: &fields)
        record.status = status
        record.committed = now
        stream.respond(ResponseHead(status: status, fields: fields), end: true)
        watchClient()
    }

    /// The response is whole: its end goes out with what was sent last.
    private func finishResponse() {
        dues = Dues()
        stream.finish()
        releaseAttempt()
        watchClient()
    }

    /// The executor ends its side of a complete answer in its own time, but not for ever.
    private func releaseAttempt() {
        guard attempt != nil else { return }
        attempt?.setReading(true)
        dues.drain = now + 1_000_000_000
        arm()
    }

    /// In-band, because the client has its status: an error event, then an end that nobody takes for whole.
    private func breakOff(_ failure: Failure, withEvent: Bool) {
        if withEvent, kind == .events || kind == .none {
            let identity = StreamIdentity(
                id: record.requestID,
                model: record.model ?? "",
                created: Clock.wallTime().seconds
            )
            let event = failure.event(dialect, stream: identity, requestID: record.requestID)
            stream.send(event.span)
        }
        stream.abort()
    }

    func abortAttempt() {
        guard let attempt else { return }
        self.attempt = nil
        attempt.cancel()
        routing?.attemptEnded(at: now)
    }

    /// The attempt ended by itself: its connection goes back to where it came from.
    func attemptEnded() {
        guard attempt != nil else { return }
        attempt = nil
        dues.drain = .max
        routing?.attemptEnded(at: now)
    }

    /// The body, and what it was charged.
    func letGoOfRequest() {
        head = nil
        body = nil
        scan = nil
        memory.letGoOfBody()
        stream.letGoOfHead()
    }

    private func end(_ end: ExchangeMachine.End) {
        let usage = usage(end)
        settleCaller(usage)
        letGoOfRequest()
        routing?.exchangeEnded(at: now)
        held = []
        memory.end()
        stream.payOutput(0)
        if attempt == nil { deadline.cancel(on: worker.loop) }
        worker.exchangeEnded(self)
        // Health checks come by the second and say nothing.
        guard endpoint != .health else { return }
        count(end, usage)
        guard snapshot.accessLog else { return }
        if end == .clientLeft, record.status == 0 { record.status = Failure.Kind.clientLeft.status }
        worker.log.write(
            record.line(
                client: stream.connection.peer,
                end: end,
                meter: kind == .events ? meter : nil,
                usage: usage,
                answer: answerScan,
                bytesOut: stream.bytesSent,
                now: now
            ),
            priority: end.priority
        )
    }
}
