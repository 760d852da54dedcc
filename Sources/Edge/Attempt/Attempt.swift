// One try of an exchange at one executor: sends the request, reads the answer, and reports what it comes to.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// Confined to its worker.
///
/// An attempt has an owner, its exchange, until it is over. What the executor sends after that reaches nobody, whatever
/// the exchange does next, since a further attempt is another object with a splitter and a meter of its own.
final class Attempt: TimerTarget {
    enum AnswerKind: Sendable {
        /// No head has come.
        case none
        /// A stream of events.
        case events
        /// Not a stream, or not known to be one: held back until it is whole or larger than `heldMax`.
        case document
        /// A document larger than `heldMax`, relayed as it comes.
        case passing
        /// An answer with a status of failure: read for what it says, and never relayed as it is.
        case failure
    }

    /// How an answer that was ready ended.
    enum End: Equatable {
        /// With its last event, as a whole document, or by its framing where that is enough.
        case whole
        /// In the midst of it, or with an error: the client is still to be told.
        case brokeOff(Failure)
    }

    enum Phase: Equatable {
        /// Nothing of the answer is ready.
        case waiting
        /// The answer is being relayed.
        case relaying
        /// The answer is whole, and the executor may still end its side of it.
        case draining
        case over
    }

    /// How many bytes of an answer that is no stream, or of a large event that may be an error, are held back until it is
    /// whole.
    static let heldMax = 256 << 10
    /// How many bytes of events that say nothing, such as `retry`, are kept until the first one that says something.
    static let fieldsMax = 4096
    /// How long an executor may take for the body of an answer with a status of failure.
    static let failureTime: Nanoseconds = 2_000_000_000
    /// How long an executor may take to end its side of an answer that is complete.
    static let drainTime: Nanoseconds = 1_000_000_000

    /// Stamps of an attempt; durations count from its begin and are 0 for what has not happened.
    struct Times: Equatable, Sendable {
        var began: Nanoseconds = 0
        /// The whole request was with the kernel: this includes the time to connect.
        var sent: Nanoseconds = 0
        /// The head of the response was there.
        var head: Nanoseconds = 0
    }

    let target: ExecutorTarget
    /// The dialect that the executor answers in.
    let dialect: Dialect
    /// How many choices the client has asked for.
    private let choices: Int
    let environment: any ExchangeEnvironment
    /// The usage is asked for by us alone: the client is not to see it.
    var removesUsage = false
    /// The counters of the model, for the gaps between tokens.
    let row: ModelRow
    var owner: (any AttemptOwner)?
    private var stream: (any ExecutorStream)?
    var lease: ExecutorLease
    /// The timer that ends `failureTime` or `drainTime`.
    private var timer: TimerID?
    /// The client has its 200 and reads a stream: a document cannot be relayed any more.
    var relaysEventsOnly = false
    /// What was sent, while it may have to be sent again.
    private var request: ExecutorRequest?
    private var wasRedirected = false

    private(set) var phase = Phase.waiting
    private(set) var times = Times()
    /// When bytes of the answer arrived last; 0 if none have.
    private(set) var lastHeard: Nanoseconds = 0
    /// Since when nothing of it has come: from its begin, its last bytes, or the end of a pause of ours.
    private(set) var silentSince: Nanoseconds = 0
    /// Whether the executor may be read; else its silence is ours.
    private(set) var isReading = true
    /// From this moment on `Engine.heard` is told of the next bytes.
    private var reportsHeardFrom: Nanoseconds = 0
    /// The executor has the whole request, or has answered before it had.
    private(set) var hasRequest = false
    /// It failed since no connection was accepted in time.
    private(set) var isConnectTimedOut = false
    /// Why it failed before its answer was ready.
    private(set) var failure: Failure?
    /// What that has shown of its executor.
    private(set) var verdict = AttemptVerdict.atOnce(.neither)

    // The answer.
    private(set) var head: ResponseHead?
    var kind = AnswerKind.none
    var meter: Meter
    /// The result of scanning a JSON document at its end; nil before that, and for every other answer.
    var scan: AnswerScan?
    var splitter = EventSplitter()
    /// Bytes of the answer that are not relayed yet: a document, or the last bytes of a large one; the first events of a
    /// stream as long as they say nothing, such as `retry`; a large event that may be an error.
    var held: [UInt8] = []
    /// The pieces of a large event are held back until it is known whether it is an error.
    var holdsEvent = false
    /// The first event has refused what only we had asked for: the request goes out again without it.
    var isUsageRefused = false
    /// The answer to a request for a stream does not say that it is one: its first bytes tell.
    var isUnlabelled = false
    private var wantsStream = false
    var memory: AnswerMemory
    /// What is read of a document that is relayed as it comes: at most one, since hardly any attempt has it.
    var large: [LargeDocument] = []
    /// That document begins as an object or an array.
    var isLargeBracketed = false
    /// How many bytes the head of a document promises.
    var expectedBytes: Int?
    /// How many bytes of a document have come.
    var documentBytes = 0
    /// Nothing but the end of the connection tells where the answer ends.
    var endsWithClose = false

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
    /// The pool that its executor was chosen from.
    var pool: ExecutorPool { lease.pool }
    var now: Nanoseconds { environment.loop.now }
    /// The status of the response, 0 before its head has arrived.
    var status: Int { head?.status ?? 0 }
    /// The first pieces of a large event have been relayed, and not its last.
    var isInsideEvent: Bool { splitter.isInPieces }
    /// The length of a document that is held back, in bytes.
    var heldBytes: Int { held.count }

    /// Bytes of the answer have arrived.
    ///
    /// The engine, which all workers share, is told of them seldom.
    private func heard() {
        let now = now
        lastHeard = now
        silentSince = now
        guard now >= reportsHeardFrom else { return }
        reportsHeardFrom = now + Engine.heardStep
        executor.engine.heard(at: now)
        if phase == .relaying { executor.engine.served(at: now) }
    }

    /// Hands the request to a connection; failures are reported later in this turn or in another one.
    func start(_ request: IncomingRequest, requestID: String) {
        let asksForUsage = target.asksForUsage && !executor.engine.refusesUsage
        guard
            let own = request.forExecutor(target, dialect: dialect, requestID: requestID, asksForUsage: asksForUsage)
        else { return }
        removesUsage = own.removesUsage
        wantsStream = request.scan?.stream == true
        self.request = own.request
        stream = environment.send(own.request, to: target, handler: self)
    }

    // MARK: What the exchange asks of it

    func setReading(_ reading: Bool) {
        if reading, !isReading { silentSince = now }
        isReading = reading
        stream?.setReading(reading)
    }
    func setReadLimit(_ bytes: Int) { stream?.setReadLimit(bytes) }

    /// The executor has let a deadline of its answer pass.
    func reportTimeout() {
        guard phase == .relaying else {
            lease.report(timeoutOutcome, at: now)
            return
        }
        if timeoutOutcome != .neither { lease.reportLate(.lateFault(.timeout), at: now) }
    }

    /// The exchange has no use for it: the executor's connection, or its stream, ends in this turn.
    func cancel() { close(.neither) }

    /// The exchange finds that the attempt has failed before its answer was ready; the owner is not called.
    func giveUp(_ failure: Failure) {
        guard phase == .waiting else { return }
        self.failure = failure
        verdict = verdict(on: failure)
        if case .atOnce(let outcome) = verdict { close(outcome) } else { close(.neither) }
    }

    /// The answer has been relayed whole: the executor has `drainTime` to end its side of it.
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

    func timerFired(_ kind: Int) {
        timer = nil
        if phase == .waiting { failureEnded() } else { close(.neither) }
    }

    // MARK: Its end

    /// Ends it: the executor is told and released, and nobody hears of the attempt again.
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

    /// The attempt has failed, before its answer was ready or while it was relayed.
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

    /// The whole answer has been relayed.
    func endWhole(_ owner: any AttemptOwner) {
        lease.reportLate(.whole, at: now)
        if stream == nil { close(.neither) }
        owner.attempt(self, ended: .whole)
    }

    /// Classifies an error that the executor has told; a `retry-after` in the answer's head counts before the error's own.
    func failure(of error: EngineError) -> Failure {
        var error = error
        if let head {
            error.retryAfterMs = RetryAfter.milliseconds(head.fields, now: Clock.wallTime().seconds) ?? error.retryAfterMs
        }
        return error.classified(in: dialect)
    }

    /// The answer is good so far: the executor is well, and the exchange stays with it.
    func becomeReady(_ owner: any AttemptOwner) {
        phase = .relaying
        request = nil
        lease.report(.good, at: now)
        executor.engine.served(at: now)
        owner.attemptIsReady(self)
    }
}

// MARK: - ExecutorStreamHandler

extension Attempt: ExecutorStreamHandler {
    func requestSent() {
        times.sent = max(1, now &- times.began)
        hasRequest = true
    }

    func responseHead(_ head: ResponseHead, body: ResponseBody) {
        heard()
        guard let owner, phase == .waiting else { return }
        times.head = max(1, now &- times.began)
        hasRequest = true
        self.head = head
        if (300..<400).contains(head.status) {
            redirected(by: head)
            return
        }
        if [204, 205, 206].contains(head.status), dialect != .other {
            fail(.noAnswer(in: head))
            return
        }
        guard head.status < 400 else {
            kind = .failure
            owner.attempt(self, answersWith: kind)
            if phase == .waiting {
                timer = environment.loop.timers.schedule(at: now + Self.failureTime, target: self, kind: 0)
            }
            return
        }
        let isEvents = (200..<300).contains(head.status) && FieldPolicy.isEventStream(head.fields)
        if isEvents, FieldPolicy.isEncoded(head.fields) {
            fail(Failure(.executorProtocol, "The executor compressed an event stream."))
            return
        }
        kind = isEvents ? .events : .document
        endsWithClose = body == .untilClose
        if case .known(let length) = body { expectedBytes = length }
        isUnlabelled =
            wantsStream && !isEvents && (200..<300).contains(head.status)
            && !FieldPolicy.isEncoded(head.fields)
        if !isUnlabelled { owner.attempt(self, answersWith: kind) }
    }

    /// Follows a redirect of a path to the one with a slash behind it, as frameworks have them.
    ///
    /// Once, and to the same engine only: the request carries a credential, and what a client sends is for the engines of
    /// the configuration.
    private func redirected(by head: ResponseHead) {
        guard [307, 308].contains(head.status), !wasRedirected, var again = request,
            let location = head.fields.string(named: "location"),
            let path = EngineRedirect.target(
                location,
                from: again.target,
                host: again.host,
                prefix: target.pathPrefix,
                isSecure: target.engine.client.tls != nil
            )
        else {
            fail(.noAnswer(in: head))
            return
        }
        wasRedirected = true
        again.target = path
        sendAgain(again)
    }

    /// The engine has refused what only we had asked for: it gets the client's own words, now and from now on.
    ///
    /// - Returns: Whether the request has gone out again.
    func sendAgainWithoutUsage() -> Bool {
        guard removesUsage, owner != nil, var again = request, let body = (again.body as? SplicedBody)?.withoutUsage
        else { return false }
        executor.engine.refuseUsage()
        removesUsage = false
        again.body = body
        sendAgain(again)
        owner?.attempt(self, answersWith: .none)
        return true
    }

    private func sendAgain(_ again: ExecutorRequest) {
        head = nil
        kind = .none
        meter = Meter(dialect: dialect, choices: choices)
        splitter = EventSplitter()
        scan = nil
        held = []
        holdsEvent = false
        memory.letGoOfAnswer()
        memory.keepPiece(of: 0)
        isUnlabelled = false
        endsWithClose = false
        expectedBytes = nil
        documentBytes = 0
        if let timer { environment.loop.timers.cancel(timer) }
        timer = nil
        let last = stream
        stream = nil
        last?.cancel()
        request = again
        stream = environment.send(again, to: target, handler: self)
    }

    func responseBody(_ bytes: Span<UInt8>) {
        heard()
        guard let owner else { return }
        switch kind {
        case .events:
            splitter.feed(bytes) { event, piece in read(event, piece) }
            if usageWasRefused() { return }
            if self.owner != nil { memory.keepPiece(of: splitter.pending) }
        case .document:
            hold(bytes)
            if isUnlabelled { identify() }
        case .failure: holdFailure(bytes)
        case .passing:
            pass(bytes, to: owner)
        case .none: return
        }
    }

    func responseEnded() {
        stream = nil
        guard let owner else {
            close(.neither)
            return
        }
        if isUnlabelled { becomeDocument(owner) }
        guard phase != .over else { return }
        switch kind {
        case .events: streamEnded()
        case .document: documentEnded()
        case .failure: failureEnded()
        case .passing: largeDocumentEnded(owner)
        case .none: fail(Failure(.executorBrokeOff))
        }
    }

    func attemptFailed(_ failure: ExecutorFailure) {
        stream = nil
        if case .connectTimeout = failure { isConnectTimedOut = true }
        guard owner != nil else {
            close(.neither)
            return
        }
        switch kind {
        // Its status is known, and says more than how it ended.
        case .failure: failureEnded()
        default: fail(Failure(attempt: failure))
        }
    }
}
