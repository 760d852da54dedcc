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
        /// Not a stream: held back until it is whole or larger than `heldMax`.
        case document
        /// A document larger than `heldMax`, relayed as it comes.
        case passing
    }

    /// How an answer that was ready ended.
    enum End: Equatable {
        /// With its last event, or as a whole document.
        case whole
        /// In order, by its framing.
        case closed(isComplete: Bool, sawError: Bool)
        /// In the midst of it; `sawError`: after an error event of the executor's own.
        case brokeOff(Failure, sawError: Bool)
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

    /// How many bytes of an answer that is not a stream are held back until it is whole.
    static let heldMax = 256 << 10
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
    let environment: any ExchangeEnvironment
    /// The usage is asked for by us alone: the client is not to see its event.
    private var removesUsageEvent = false
    /// The counters of the model, for the gaps between tokens.
    private let row: ModelRow
    private var owner: (any AttemptOwner)?
    private var stream: (any ExecutorStream)?
    private var lease: ExecutorLease
    /// What was sent, while it may have to be sent again.
    private var request: ExecutorRequest?
    private var wasRedirected = false
    private var drainTimer: TimerID?

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
    private(set) var kind = AnswerKind.none
    private(set) var meter: Meter
    /// The result of scanning a whole JSON document; nil before that, and for every other answer.
    private(set) var scan: AnswerScan?
    private var splitter = EventSplitter()
    private var held: [UInt8] = []
    private var memory: AnswerMemory
    /// How many bytes the head of a document promises.
    private var expectedBytes: Int?
    /// How many bytes of a document have come.
    private(set) var documentBytes = 0
    /// Nothing but the end of the connection tells where the answer ends.
    private var endsWithClose = false

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
        guard let own = request.forExecutor(target, dialect: dialect, requestID: requestID) else { return }
        removesUsageEvent = own.removesUsageEvent
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
    func reportTimeout() { lease.reportTimeout(timeoutOutcome, at: now) }

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
        drainTimer = environment.loop.timers.schedule(at: now + Self.drainTime, target: self, kind: 0)
    }

    func timerFired(_ kind: Int) {
        drainTimer = nil
        close(.neither)
    }

    // MARK: Its end

    /// Ends it: the executor is told and released, and nobody hears of the attempt again.
    private func close(_ outcome: ExecutorPool.Outcome) {
        guard phase != .over else { return }
        phase = .over
        owner = nil
        request = nil
        held = []
        memory.end()
        if let drainTimer { environment.loop.timers.cancel(drainTimer) }
        drainTimer = nil
        let last = stream
        stream = nil
        last?.cancel()
        lease.report(outcome, at: now)
        lease.end(at: now)
    }

    /// The attempt has failed, before its answer was ready or while it was relayed.
    private func fail(_ failure: Failure, sawError: Bool = false) {
        guard let owner else { return }
        if phase == .waiting {
            giveUp(failure)
            owner.attempt(self, failed: failure)
        } else {
            close(.neither)
            owner.attempt(self, ended: .brokeOff(failure, sawError: sawError))
        }
    }

    /// The answer is good so far: the executor is well, and the exchange stays with it.
    private func becomeReady(_ owner: any AttemptOwner) {
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
        if let failure = Failure(executorHead: head) {
            fail(failure)
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
        owner.attempt(self, answersWith: kind)
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
                isSecure: target.engine.client.tls != nil
            )
        else {
            fail(.noAnswer(in: head))
            return
        }
        wasRedirected = true
        self.head = nil
        let last = stream
        stream = nil
        last?.cancel()
        again.target = path
        request = again
        stream = environment.send(again, to: target, handler: self)
    }

    func responseBody(_ bytes: Span<UInt8>) {
        heard()
        guard let owner else { return }
        switch kind {
        case .events:
            splitter.feed(bytes) { event, piece in read(event, piece) }
            if self.owner != nil { memory.keepPiece(of: splitter.pending) }
        case .document: hold(bytes)
        case .passing:
            documentBytes += bytes.count
            owner.attempt(self, relays: bytes)
        case .none: return
        }
    }

    func responseEnded() {
        stream = nil
        guard let owner else {
            close(.neither)
            return
        }
        switch kind {
        case .events: streamEnded()
        case .document: documentEnded()
        case .passing:
            close(.neither)
            owner.attempt(self, ended: .closed(isComplete: true, sawError: false))
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
        fail(Failure(attempt: failure), sawError: kind == .events && meter.sawError)
    }

    // MARK: A stream

    /// Reads one event, or a piece of a large one, in the turn in which it came.
    private func read(_ event: Span<UInt8>, _ piece: EventSplitter.Kind) {
        // The attempt may have ended with an event before this one.
        guard let owner else { return }
        let now = now
        let (tokens, last) = (meter.tokens, meter.lastToken)
        let found =
            piece == .whole
            ? meter.read(event, at: now, scanner: environment.scanner) : meter.readPiece(event, kind: piece, at: now)
        if tokens > 0, meter.tokens > tokens {
            row.counts.gap.observe(meter.lastToken &- min(last, meter.lastToken))
        }
        if phase == .waiting {
            // The first event is looked at before anything is committed; comments before it are dropped.
            if found == .comment { return }
            if meter.sawError {
                fail(Failure(executorStatus: nil, meter.error ?? StreamError()))
                return
            }
            becomeReady(owner)
            guard phase == .relaying else { return }
        }
        if found == .usage, removesUsageEvent { return }
        owner.attempt(self, relays: event)
        if meter.isComplete, phase == .relaying { owner.attempt(self, ended: .whole) }
    }

    /// The framing of a stream has ended in order.
    private func streamEnded() {
        let isBetween = splitter.finish { event, piece in read(event, piece) }
        // The last event may have ended the attempt, as an error or as the completing one.
        guard let owner else { return }
        guard phase == .relaying else {
            fail(Failure(.executorBrokeOff))
            return
        }
        close(.neither)
        owner.attempt(
            self,
            ended: .closed(
                isComplete: isBetween && meter.isCompleteAtCleanEnd,
                sawError: isBetween && meter.sawError
            )
        )
    }

    // MARK: A document

    private func hold(_ bytes: Span<UInt8>) {
        guard let owner else { return }
        documentBytes += bytes.count
        let isHeld = memory.hold(bytes, in: &held, expected: expectedBytes)
        if isHeld, held.count <= Self.heldMax { return }
        if !isHeld, endsWithClose {
            // Nothing but the whole of it could tell whether it is whole.
            fail(.noMemory)
            return
        }
        // A document that is large, or that there is no room to hold, is relayed as it comes.
        kind = .passing
        becomeReady(owner)
        guard phase == .relaying else { return }
        relayHeld(to: owner)
        if !isHeld, phase == .relaying { owner.attempt(self, relays: bytes) }
    }

    /// Hands over the bytes of the document that were held back.
    private func relayHeld(to owner: any AttemptOwner) {
        let document = SharedBytes(owned: held)
        held = []
        memory.letGoOfAnswer()
        owner.attempt(self, relays: document)
    }

    private func documentEnded() {
        guard let owner else { return }
        if head?.fields.begins(.contentType, with: "application/json") == true {
            let bytes = held
            let found = environment.scanner.scanAnswer(bytes.span)
            scan = found
            // Where only the connection's end tells the end, half an answer looks whole.
            if endsWithClose, !found.isValid {
                fail(Failure(.executorBrokeOff))
                return
            }
        }
        becomeReady(owner)
        guard phase == .relaying else { return }
        relayHeld(to: owner)
        if phase == .relaying { owner.attempt(self, ended: .whole) }
    }
}
