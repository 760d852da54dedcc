// One attempt to answer a client's request at one executor: sends the request, reads the answer, and reports to the
// exchange.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// One attempt to answer a client's request at one executor; used only by its worker thread.
///
/// The owner of an attempt is the exchange, which serves the client's request and may make several attempts. An attempt
/// that is draining or over has no owner, and drops further bytes from the executor. So these bytes never reach the
/// client as part of a later attempt.
///
/// The extensions are: `+Response` handles what the executor's connection reports, `+Stream` reads events, `+Document`
/// reads other answers, `+Resending` sends the request again, and `+Charge` decides whether a failure counts against
/// the health of the executor.
final class Attempt: TimerTarget {
    /// How an answer ended after the edge had begun to send it to the client.
    enum End: Equatable {
        /// The answer is complete: the last event of a stream, or the whole document, has been relayed.
        case whole
        /// The answer was incomplete or contained an error; the attempt has not reported this to the client.
        case brokeOff(Failure)
    }

    /// The stage that an attempt has reached.
    enum Phase: Equatable {
        /// The edge has sent nothing of the answer to the client, so another executor can still be tried.
        case waiting
        /// The edge sends the answer to the client as it arrives.
        case relaying
        /// The answer is complete. The executor has `drainTime` to end the response, so that its connection can be used
        /// again.
        case draining
        /// The attempt has ended: it has released its executor, and reports nothing to the exchange any more.
        case over
    }

    /// How many bytes of a document (an answer that is not a stream), or of a large event that may be an error, are
    /// kept back from the client at most.
    static let heldMax = 256 << 10
    /// How many bytes of events without content, such as `retry`, are kept back from the client at most until the first
    /// event with content arrives.
    static let fieldsMax = 4096
    /// How long the attempt waits for the body of an answer with a status of 400 or above, in nanoseconds.
    static let failureTime: Nanoseconds = 2_000_000_000
    /// How long the attempt waits for an executor to end the response after a complete answer, in nanoseconds.
    static let drainTime: Nanoseconds = 1_000_000_000

    /// When the steps of an attempt happened, in nanoseconds.
    ///
    /// `began` is a time of the event loop's clock. `sent` and `head` are durations since `began`, and 0 as long as the
    /// step has not happened.
    struct Times: Equatable, Sendable {
        var began: Nanoseconds = 0
        /// The time from `began` until the kernel had accepted the whole request for sending; includes the time to
        /// connect.
        var sent: Nanoseconds = 0
        /// The time from `began` until the head of the response had arrived.
        var head: Nanoseconds = 0
    }

    let target: ExecutorTarget
    /// The kind of API, such as OpenAI's or Anthropic's, in whose format the executor answers.
    let dialect: Dialect
    /// The number of choices that the answer has: the request's `n`, times the number of its prompts.
    let choices: Int
    let environment: any ExchangeEnvironment
    /// Whether the attempt removes the token usage from the answer, because the edge has asked for it and the client
    /// has not.
    var removesUsage = false
    /// The JSON member in which the client receives the model's reasoning; nil to leave it in the engine's own member.
    var reasoning: ReasoningMember?
    /// The counters of the model in the metrics; the attempt counts the time between two tokens there.
    let row: ModelRow
    /// The exchange that receives the reports of the attempt; nil once the attempt is draining or over.
    var owner: (any AttemptOwner)?
    var stream: (any ExecutorStream)?
    var lease: ExecutorLease
    /// The running timer of `failureTime` or `drainTime`; nil if none is running.
    var timer: TimerID?
    /// The kind of response head, for an event stream or for JSON, that the client received before the executor
    /// answered.
    ///
    /// `.none` if the client has received no head. The attempt fails if the executor's answer does not fit the head.
    var sentHead = EarlyHead.none
    /// The request that the attempt has sent; nil once it cannot be sent again.
    var request: ExecutorRequest?
    /// Whether the attempt has followed a redirect; it does not follow a second one.
    var wasRedirected = false
    /// Whether the client's request asks for a stream.
    private(set) var wantsStream = false

    private(set) var phase = Phase.waiting
    var times = Times()
    /// When bytes of the answer most recently arrived; 0 if none have arrived yet.
    private(set) var lastHeard: Nanoseconds = 0
    /// When the executor's present silence began.
    ///
    /// The value is the latest of three times: when the attempt began, when bytes of the answer most recently arrived,
    /// and when the edge began to read again after a pause.
    private(set) var silentSince: Nanoseconds = 0
    /// Whether the edge reads from the executor; while reading is paused, no bytes can arrive.
    private(set) var isReading = true
    /// Until this time, the arrival of bytes is not recorded in the `Engine` object.
    ///
    /// All workers share that object, and frequent writes to it would slow them.
    private var reportsHeardFrom: Nanoseconds = 0
    /// Whether the whole request was sent: the kernel has accepted it for sending, or the executor has answered before
    /// that.
    var hasRequest = false
    /// Whether the attempt failed because the executor did not accept a connection in time.
    var isConnectTimedOut = false
    /// Why the attempt failed while another executor could still be tried; nil if it has not failed in this way.
    private(set) var failure: Failure?
    /// Whether `failure` counts against the health of the executor at once, or only after other attempts have shown
    /// that the request was not the cause.
    private(set) var verdict = AttemptVerdict.atOnce(.neither)

    // The state of the answer. `meter`, `splitter`, `held` and `large` could be properties of `answer`. They are not,
    // because code that changes one of them also uses `answer`, and Swift forbids such overlapping accesses to one
    // stored property.
    var answer = AttemptAnswer()
    var meter: Meter
    var splitter = EventSplitter()
    /// Bytes of the answer that the client does not receive yet.
    ///
    /// The array has one of these: a whole document; the last bytes of a large document; the events without content at
    /// the beginning of a stream; a large event that may be an error.
    var held: [UInt8] = []
    /// The summary of a JSON answer that is not a stream, but is relayed as it arrives.
    ///
    /// Such an answer is too large to be held back, or there is no memory to hold it back. The summary has only the
    /// members that the scanner reads, and is scanned when the answer ends. The array has at most one element, and is
    /// empty for other answers.
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
    /// Whether the client has received the first pieces of a large event, but not the last piece.
    var isInsideEvent: Bool { splitter.isInPieces }
    /// The number of bytes of the answer that the client does not receive yet.
    var heldBytes: Int { held.count }

    /// Records that bytes of the answer have arrived.
    ///
    /// All workers share the `Engine` object, and frequent writes to it would slow them. So the attempt writes the time
    /// of an arrival there at most once every 100 ms (`Engine.heardStep`).
    func noteArrival() {
        let now = now
        lastHeard = now
        silentSince = now
        guard now >= reportsHeardFrom else { return }
        reportsHeardFrom = now + Engine.heardStep
        executor.engine.heard(at: now)
        if phase == .relaying { executor.engine.served(at: now) }
    }

    /// Adapts the request to the executor and sends it; a failure is reported only after this function has returned.
    ///
    /// - Parameter priority: The priority class of the request. It is sent to the executor if the executor's settings
    ///   say so.
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

    /// Pauses or resumes reading the answer from the executor.
    func setReading(_ reading: Bool) {
        if reading, !isReading { silentSince = now }
        isReading = reading
        stream?.setReading(reading)
    }

    /// Limits how many bytes of the answer may arrive at once.
    ///
    /// On HTTP/1.1 this is the size of one read, and on HTTP/2 the window of the stream.
    func setReadLimit(_ bytes: Int) { stream?.setReadLimit(bytes) }

    /// Reports the token usage of the answer to the pool, if the numbers are the executor's own and not an estimate.
    ///
    /// From the number of cached tokens, the pool learns how much of a prompt the executor had in its cache.
    func learn(_ usage: Usage) {
        guard !usage.isInputEstimated else { return }
        lease.learn(promptTokens: usage.input, cachedTokens: usage.cached)
    }

    /// Reports the id of the answer to the pool, because a later request may name the id to continue the answer.
    ///
    /// Only the executor that has made an answer can continue it.
    ///
    /// - Parameter tenant: the tenant of the request, whose later requests may name the id.
    func learnResponse(salt tenant: String) {
        guard failure == nil, status < 400, let id = meter.responseID ?? answer.scan?.responseID else { return }
        pool.made(response: environment.promptHasher.hash(Array(id.utf8), salt: tenant), by: executor)
    }

    /// Counts against the executor's health that it has missed a deadline, unless its engine is busy with other
    /// requests.
    ///
    /// The engine counts as busy if it has sent bytes of other answers since the attempt began, the last of them lately
    /// (`timeoutOutcome`).
    func reportTimeout() {
        guard phase == .relaying else {
            lease.report(timeoutOutcome, at: now)
            return
        }
        if timeoutOutcome != .neither { lease.reportLate(.lateFault(.timeout), at: now) }
    }

    /// Ends the attempt without any effect on the health of the executor.
    ///
    /// The executor's connection or HTTP/2 stream is closed in this turn of the event loop.
    func cancel() { close(.neither) }

    /// Ends the attempt with a failure that the exchange has found; does nothing once the answer is being relayed.
    ///
    /// The attempt does not report the failure to the exchange, which knows it already.
    func giveUp(_ failure: Failure) {
        guard phase == .waiting else { return }
        self.failure = failure
        verdict = verdict(on: failure)
        if case .atOnce(let outcome) = verdict { close(outcome) } else { close(.neither) }
    }

    /// Waits up to `drainTime` until the executor ends the complete answer, so that its connection can be used again.
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

    /// Called by the timer: the body of an error has not arrived within `failureTime`, or a complete answer has not
    /// ended within `drainTime`.
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

    /// Ends the attempt with a failure, and reports the failure to the exchange.
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

    /// Reports to the pool and to the exchange that the client was sent the whole answer.
    func endWhole(_ owner: any AttemptOwner) {
        lease.reportLate(.whole, at: now)
        if stream == nil { close(.neither) }
        owner.attempt(self, ended: .whole)
    }

    /// Classifies an error that the executor has sent.
    ///
    /// If the response head has a `retry-after`, it replaces the waiting time in the error.
    func failure(of error: EngineError) -> Failure {
        var error = error
        if let head = answer.head {
            error.retryAfterMs =
                RetryAfter.milliseconds(head.fields, now: Clock.wallTime().seconds) ?? error.retryAfterMs
        }
        return error.classified(in: dialect)
    }

    /// Begins to send the answer to the client, because no error was found in the part that has arrived.
    ///
    /// From now on, no other executor can be tried.
    func becomeReady(_ owner: any AttemptOwner) {
        phase = .relaying
        request = nil
        lease.report(.good, at: now)
        if answer.kind == .events { lease.answerBegan(at: now) }
        executor.engine.served(at: now)
        owner.attemptIsReady(self)
    }
}
