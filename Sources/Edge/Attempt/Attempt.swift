// One attempt to answer a client's request at one executor: sends the request, reads the answer, and reports to the
// exchange.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// One attempt to answer a client's request at one executor; confined to its worker.
///
/// The owner of an attempt is its exchange, which serves the client's request and may make several attempts. After the
/// attempt is draining or over, it has no owner, and further bytes from the executor are dropped. They cannot reach the
/// next attempt, because each attempt is an object of its own.
///
/// The type is split by subject: this file has the state, the start, the end and the dispatch of received bytes.
/// `+Stream` reads events, `+Document` reads other answers, `+Resending` sends the request again, and `+Charge` decides
/// whether a failure counts against the health of the executor.
final class Attempt: TimerTarget {
    /// How an answer ended after its relay had begun.
    enum End: Equatable {
        /// The answer is complete: the last event of a stream, or the whole document, has been relayed.
        case whole
        /// The answer was incomplete or contained an error, which the client has not been told yet.
        case brokeOff(Failure)
    }

    /// How far the attempt has come.
    enum Phase: Equatable {
        /// Nothing of the answer can be relayed yet.
        case waiting
        /// The answer is being relayed.
        case relaying
        /// The answer is complete; the executor has `drainTime` to end its side of the stream.
        case draining
        /// The executor no longer works for the attempt, and nothing is reported to the owner any more.
        case over
    }

    /// How many bytes of a document, or of a large event that may be an error, are held back at most.
    static let heldMax = 256 << 10
    /// How many bytes of events without content, such as `retry`, are held back at most until the first event with
    /// content.
    static let fieldsMax = 4096
    /// How long an executor may take to send the body of an answer with a status of 400 or above, in nanoseconds.
    static let failureTime: Nanoseconds = 2_000_000_000
    /// How long an executor may take to end its side of an answer that is complete, in nanoseconds.
    static let drainTime: Nanoseconds = 1_000_000_000

    /// The times of an attempt in nanoseconds.
    ///
    /// `began` is a time of the event loop's clock. `sent` and `head` are durations since `began`; each is 0 until its
    /// event has occurred.
    struct Times: Equatable, Sendable {
        var began: Nanoseconds = 0
        /// The time until the kernel had accepted the whole request for sending; includes the time to connect.
        var sent: Nanoseconds = 0
        /// The time until the head of the response had arrived.
        var head: Nanoseconds = 0
    }

    let target: ExecutorTarget
    /// The kind of API, such as OpenAI's or Anthropic's, in whose format the executor answers.
    let dialect: Dialect
    /// The number of choices that the answer has: the request's `n`, times the number of its prompts.
    let choices: Int
    let environment: any ExchangeEnvironment
    /// Whether the token usage is removed from the answer, because the edge asked for it and the client did not.
    var removesUsage = false
    /// The JSON member in which the client gets the model's reasoning; nil if the engine's own member is kept.
    var reasoning: ReasoningMember?
    /// The counters of the model; the attempt adds the time between two tokens to them.
    let row: ModelRow
    /// The exchange; nil once the attempt is draining or over.
    var owner: (any AttemptOwner)?
    var stream: (any ExecutorStream)?
    var lease: ExecutorLease
    /// The timer of `failureTime` or `drainTime`; nil while neither runs.
    var timer: TimerID?
    /// The form of the response head that the client was sent before the executor answered; `.none` if none was sent.
    ///
    /// After an early head, only an answer of the same form can be relayed.
    var sentHead = EarlyHead.none
    /// The request that was sent; nil once the attempt cannot send it again.
    var request: ExecutorRequest?
    /// Whether a redirect has been followed; a second redirect is not followed.
    var wasRedirected = false
    /// Whether the request asked for a stream.
    private var wantsStream = false

    private(set) var phase = Phase.waiting
    private(set) var times = Times()
    /// When bytes of the answer arrived last; 0 before the first bytes have arrived.
    private(set) var lastHeard: Nanoseconds = 0
    /// When the current silence began: at the start of the attempt, at the last bytes, or at the end of a pause in
    /// reading.
    private(set) var silentSince: Nanoseconds = 0
    /// Whether the edge reads from the executor; while reading is paused, no bytes can arrive.
    private(set) var isReading = true
    /// Bytes that arrive before this time are not recorded in the `Engine` object, which all workers share.
    private var reportsHeardFrom: Nanoseconds = 0
    /// Whether the kernel has accepted the whole request for sending, or the executor has answered before that.
    private(set) var hasRequest = false
    /// Whether the attempt failed because the executor did not accept a connection in time.
    private(set) var isConnectTimedOut = false
    /// Why the attempt failed before its answer was ready to be relayed; nil if it has not failed before that.
    private(set) var failure: Failure?
    /// Whether `failure` counts against the health of the executor at once, or only after later attempts.
    private(set) var verdict = AttemptVerdict.atOnce(.neither)

    // The state of the answer. `meter`, `splitter`, `held` and `large` are not properties of `answer`, because code
    // that changes one of them also uses `answer`. Swift allows no two such accesses to one stored property at the same
    // time.
    var answer = AttemptAnswer()
    var meter: Meter
    var splitter = EventSplitter()
    /// Bytes of the answer that are held back.
    ///
    /// The array holds one of these: a whole document; the last bytes of a large document; the events without content
    /// at the beginning of a stream; a large event that may be an error.
    var held: [UInt8] = []
    /// A summary of a large document, which is checked when the document ends; the array has at most one element.
    var large: [LargeDocument] = []
    var memory: AnswerMemory

    init(
        _ lease: ExecutorLease,
        at target: ExecutorTarget,
        dialect: Dialect,
        choices: Int,
        row: ModelRow,
        environment: any ExchangeEnvironment,
        account: MemoryAccount,
        owner: any AttemptOwner
    ) {
        memory = AnswerMemory(account: account)
        self.lease = lease
        self.target = target
        self.dialect = dialect
        self.choices = choices
        self.row = row
        self.environment = environment
        self.owner = owner
        meter = Meter(dialect: dialect, choices: choices)
        times.began = environment.loop.now
        silentSince = times.began
    }

    var executor: Executor { lease.executor }
    /// The pool that the attempt's executor was chosen from.
    var pool: ExecutorPool { lease.pool }
    var now: Nanoseconds { environment.loop.now }
    /// The status of the response, 0 before its head has arrived.
    var status: Int { answer.head?.status ?? 0 }
    /// Whether the first pieces of a large event have been relayed, but not yet the last piece.
    var isInsideEvent: Bool { splitter.isInPieces }
    /// The length of a document that is held back, in bytes.
    var heldBytes: Int { held.count }

    /// Records that bytes of the answer have arrived.
    ///
    /// All workers share the `Engine` object, and frequent writes to it would slow them. So the arrival is recorded
    /// there at most once in `Engine.heardStep`.
    private func noteArrival() {
        let now = now
        lastHeard = now
        silentSince = now
        guard now >= reportsHeardFrom else { return }
        reportsHeardFrom = now + Engine.heardStep
        executor.engine.heard(at: now)
        if phase == .relaying { executor.engine.served(at: now) }
    }

    /// Adapts the body to the executor and sends the request; a failure is reported after this call has returned.
    ///
    /// - Parameter priority: The priority class of the request, which is sent to the executor if its settings say so.
    func start(_ request: IncomingRequest, requestID: String, priority: PriorityClass = .standard) {
        let asksForUsage = target.asksForUsage && !executor.engine.refusesUsage
        let stripsBilling = target.stripsBilling && request.scan?.billing != nil
        guard
            let own = request.forExecutor(
                target,
                dialect: dialect,
                requestID: requestID,
                instance: environment.instanceID,
                asksForUsage: asksForUsage,
                stripsBilling: stripsBilling,
                priority: target.told(priority)
            )
        else { return }
        if stripsBilling { row.billingBlockStripped() }
        removesUsage = own.removesUsage
        wantsStream = request.scan?.stream == true
        self.request = own.request
        stream = environment.send(own.request, to: target, handler: self)
    }

    // MARK: Methods that the exchange calls

    /// Pauses or continues the reading of the answer.
    func setReading(_ reading: Bool) {
        if reading, !isReading { silentSince = now }
        isReading = reading
        stream?.setReading(reading)
    }

    /// Limits how many bytes of the answer may arrive at once.
    ///
    /// On HTTP/1.1 this is the size of one read, and on HTTP/2 the window of the stream.
    func setReadLimit(_ bytes: Int) { stream?.setReadLimit(bytes) }

    /// Tells the pool the token usage of the answer, if the executor itself has counted the tokens of the prompt.
    ///
    /// The pool learns from it how much of a prompt the executor had in its cache.
    func learn(_ usage: Usage) {
        guard !usage.isInputEstimated else { return }
        lease.learn(promptTokens: usage.input, cachedTokens: usage.cached)
    }

    /// Tells the pool the id of the answer, because a later request of the same tenant may continue the answer by its
    /// id.
    ///
    /// - Parameter tenant: the tenant of the request.
    func learnResponse(salt tenant: String) {
        guard failure == nil, status < 400, let id = meter.responseID ?? answer.scan?.responseID else { return }
        pool.made(response: environment.promptHasher.hash(Array(id.utf8), salt: tenant), by: executor)
    }

    /// Counts a missed deadline of the answer against the executor, unless the engine has answered other requests
    /// meanwhile.
    func reportTimeout() {
        guard phase == .relaying else {
            lease.report(timeoutOutcome, at: now)
            return
        }
        if timeoutOutcome != .neither { lease.reportLate(.lateFault(.timeout), at: now) }
    }

    /// Ends the attempt, and counts nothing against the health of the executor.
    ///
    /// The executor's connection or HTTP/2 stream is closed in this turn of the event loop.
    func cancel() { close(.neither) }

    /// Ends the attempt with a failure that the exchange has found before the answer was ready to be relayed.
    ///
    /// The owner is not called, because the exchange knows the failure.
    func giveUp(_ failure: Failure) {
        guard phase == .waiting else { return }
        self.failure = failure
        verdict = verdict(on: failure)
        if case .atOnce(let outcome) = verdict { close(outcome) } else { close(.neither) }
    }

    /// Gives the executor `drainTime` to end its side of a complete answer, so that the connection can be used again.
    func drain() {
        guard phase != .over, phase != .draining else { return }
        owner = nil
        guard let stream else {
            close(.neither)
            return
        }
        phase = .draining
        stream.setReading(true)
        timer = environment.loop.timers.schedule(at: now + Self.drainTime, target: self, kind: 0)
    }

    /// Called when `failureTime` or `drainTime` has passed.
    func timerFired(_ kind: Int) {
        timer = nil
        if phase == .waiting { failureEnded() } else { close(.neither) }
    }

    // MARK: The end

    /// Ends the attempt: reports the outcome to the pool, and releases the executor, the stream and all memory.
    func close(_ outcome: ExecutorPool.Outcome) {
        guard phase != .over else { return }
        phase = .over
        owner = nil
        request = nil
        held = []
        memory.end()
        if let timer { environment.loop.timers.cancel(timer) }
        timer = nil
        let last = stream
        stream = nil
        last?.cancel()
        lease.report(outcome, at: now)
        lease.end(at: now)
    }

    /// Ends the attempt with a failure, and reports the failure to the owner.
    func fail(_ failure: Failure) {
        guard let owner else { return }
        if phase == .waiting {
            giveUp(failure)
            owner.attempt(self, failed: failure)
        } else {
            lease.reportLate(failure.lateOutcome, at: now)
            close(.neither)
            owner.attempt(self, ended: .brokeOff(failure))
        }
    }

    /// Reports to the pool and to the owner that the whole answer has been relayed.
    func endWhole(_ owner: any AttemptOwner) {
        lease.reportLate(.whole, at: now)
        if stream == nil { close(.neither) }
        owner.attempt(self, ended: .whole)
    }

    /// Classifies an error of the executor; a `retry-after` in the head takes precedence over a time in the error.
    func failure(of error: EngineError) -> Failure {
        var error = error
        if let head = answer.head {
            error.retryAfterMs =
                RetryAfter.milliseconds(head.fields, now: Clock.wallTime().seconds) ?? error.retryAfterMs
        }
        return error.classified(in: dialect)
    }

    /// Begins to relay the answer, because no error has been found in it; no other executor is tried afterwards.
    func becomeReady(_ owner: any AttemptOwner) {
        phase = .relaying
        request = nil
        lease.report(.good, at: now)
        if answer.kind == .events { lease.answerBegan(at: now) }
        executor.engine.served(at: now)
        owner.attemptIsReady(self)
    }
}

// MARK: - ExecutorStreamHandler

extension Attempt: ExecutorStreamHandler {
    /// The kernel has accepted the whole request for sending.
    func requestSent() {
        times.sent = max(1, now &- times.began)
        hasRequest = true
    }

    /// The head of the response has arrived: decides which kind of answer follows.
    func responseHead(_ head: ResponseHead, body: ResponseBody) {
        noteArrival()
        guard let owner, phase == .waiting else { return }
        times.head = max(1, now &- times.began)
        hasRequest = true
        answer.head = head
        if (300..<400).contains(head.status) {
            redirected(by: head)
            return
        }
        if [204, 205, 206].contains(head.status), dialect != .other {
            fail(.noAnswer(in: head))
            return
        }
        guard head.status < 400 else {
            failureBegan(owner)
            return
        }
        answerBegan(head, body: body, owner)
    }

    /// Waits for the body of an answer with a status of 400 or above, which may say more about the error.
    private func failureBegan(_ owner: any AttemptOwner) {
        answer.kind = .failure
        owner.attempt(self, answersWith: answer.kind)
        guard phase == .waiting else { return }
        timer = environment.loop.timers.schedule(at: now + Self.failureTime, target: self, kind: 0)
    }

    /// Handles a head that announces a stream of events or a document.
    @inline(__always)
    private func answerBegan(_ head: ResponseHead, body: ResponseBody, _ owner: any AttemptOwner) {
        let isEvents = (200..<300).contains(head.status) && FieldPolicy.isEventStream(head.fields)
        if isEvents, FieldPolicy.isEncoded(head.fields) {
            fail(Failure(.executorProtocol, "The executor compressed an event stream."))
            return
        }
        if sentHead == .json, isEvents || FieldPolicy.isEncoded(head.fields) {
            fail(.notJSON)
            return
        }
        answer.kind = isEvents ? .events : .document
        answer.endsWithClose = body == .untilClose
        if case .known(let length) = body { answer.expectedBytes = length }
        answer.isUnlabelled =
            wantsStream && !isEvents && (200..<300).contains(head.status)
            && !FieldPolicy.isEncoded(head.fields)
        if !answer.isUnlabelled { owner.attempt(self, answersWith: answer.kind) }
    }

    /// The next bytes of the body; `bytes` is valid only during the call.
    func responseBody(_ bytes: Span<UInt8>) {
        noteArrival()
        guard let owner else { return }
        switch answer.kind {
        case .events:
            splitter.feed(bytes) { event, piece in read(event, piece) }
            if usageWasRefused() { return }
            if self.owner != nil { memory.keepPiece(of: splitter.pending) }
        case .document:
            hold(bytes)
            if answer.isUnlabelled { identify() }
        case .failure: holdFailure(bytes)
        case .passing:
            pass(bytes, to: owner)
        case .none: return
        }
    }

    /// The response has ended as HTTP requires, so its last byte has arrived.
    func responseEnded() {
        stream = nil
        guard let owner else {
            close(.neither)
            return
        }
        if answer.isUnlabelled { becomeDocument(owner) }
        guard phase != .over else { return }
        switch answer.kind {
        case .events: streamEnded()
        case .document: documentEnded()
        case .failure: failureEnded()
        case .passing: largeDocumentEnded(owner)
        case .none: fail(Failure(.executorBrokeOff))
        }
    }

    /// The connection or the HTTP/2 stream has failed.
    func attemptFailed(_ failure: ExecutorFailure) {
        stream = nil
        if case .connectTimeout = failure { isConnectTimedOut = true }
        if status == 0, ProbeLoss(failure).isRefusal { executor.engine.refused(at: now) }
        guard owner != nil else {
            close(.neither)
            return
        }
        switch answer.kind {
        // The error status has arrived, and says more than the failure of the connection.
        case .failure: failureEnded()
        default: fail(Failure(attempt: failure))
        }
    }
}
