// Asks an engine for its kind (such as vLLM), its load and its cache size, after it has passed a health probe.
internal import HTTP
internal import Routing
internal import Transport

/// Asks one engine for its kind, its load and its cache size, one question after the other.
///
/// `EngineQuestions` decides which question is due. Confined to the control thread.
final class EngineInquiry: ExecutorStreamHandler, TimerTarget {
    private enum TimerKind: Int {
        /// It is time to ask the engine the next question.
        case ask
        /// The engine has not answered the question in time.
        case late
    }

    /// The largest page of metrics that is read, in bytes; a larger page is ignored.
    private static let metricsBytesMax = 16 << 20

    private let loop: EventLoop
    private let client: ExecutorClient
    /// How long a question waits for its answer, in nanoseconds.
    private let timeout: Nanoseconds
    /// Called when the kind of the engine (such as vLLM) has been found or has changed.
    private let kindChanged: (Engine) -> Void
    private var target: EngineTarget
    private var questions = EngineQuestions()
    /// The question that the engine is being asked; nil between two questions.
    private var question: EngineQuestions.Question?
    private var request: (any ExecutorStream)?
    private var timer: TimerID?
    /// The part that has arrived of the answer to `question`.
    private var answer: EngineAnswer?
    /// How many bytes of the body of the answer to `question` have arrived so far.
    private var bodyBytes = 0

    init(
        loop: EventLoop,
        _ target: EngineTarget,
        _ client: ExecutorClient,
        timeout: Nanoseconds,
        kindChanged: @escaping (Engine) -> Void
    ) {
        self.loop = loop
        self.target = target
        self.client = client
        self.timeout = timeout
        self.kindChanged = kindChanged
    }

    private var engine: Engine { target.engine }

    /// Uses the engine's settings from a new snapshot from now on.
    ///
    /// The address, the TLS settings and the credential of the engine must be unchanged.
    func adopt(_ target: EngineTarget) { self.target = target }

    /// Asks the questions that are due, because the engine has passed a health probe; does nothing while the engine is
    /// being asked a question.
    func probePassed() {
        guard question == nil, timer == nil else { return }
        // The health probe that has just passed still occupies its connection. In the next turn of the loop the
        // connection is free, and can carry the question.
        schedule(.ask, after: 0)
    }

    /// Forgets all answers, because the engine went down, and another engine may be at its URL next.
    ///
    /// After the next passed probe, all questions are asked again.
    func engineWasLost() {
        stop()
        questions.engineWasLost()
        engine.forgetWords()
    }

    /// Cancels the question that the engine is being asked, and its timer.
    func stop() {
        if let timer { loop.timers.cancel(timer) }
        timer = nil
        question = nil
        let asked = request
        request = nil
        asked?.cancel()
    }

    private func schedule(_ kind: TimerKind, after delay: Nanoseconds) {
        timer = loop.timers.schedule(at: loop.now + delay, target: self, kind: kind.rawValue)
    }

    func timerFired(_ kind: Int) {
        timer = nil
        switch TimerKind(rawValue: kind) {
        case .ask: ask()
        case .late: end(nil)
        case nil: break
        }
    }

    private func ask() {
        let next = questions.next(givenKind: engine.givenKind, kind: engine.kind, at: loop.now)
        guard let next else { return }
        (question, answer, bodyBytes) = (next, nil, 0)
        var fields = FieldBlock()
        fields.append(.userAgent, "freeinference")
        fields.append(.accept, "*/*")
        target.credential?.append(to: &fields)
        let path = target.pathPrefix + Array(next.path.utf8)
        schedule(.late, after: timeout)
        request = client.send(
            ExecutorRequest(method: .get, target: path, host: target.host, fields: fields, body: nil),
            handler: self
        )
    }

    /// Processes the answer to `question`, and asks the next question that is due.
    ///
    /// - Parameter answer: nil if no complete answer has arrived in time.
    private func end(_ answer: EngineAnswer?) {
        guard let question else { return }
        stop()
        self.answer = nil
        let isSilent = questions.answered(question.topic, outcome(of: question, answer), at: loop.now)
        switch question.topic {
        case .kind: if let kind = answer?.kind, kind != .unknown { found(kind) } else if isSilent { found(.unknown) }
        case .load: if let load = answer?.load { take(load) } else if isSilent { engine.saysNothing() }
        case .size: if let load = answer?.load { take(load) }
        }
        schedule(.ask, after: 0)
    }

    private func outcome(of question: EngineQuestions.Question, _ answer: EngineAnswer?) -> EngineQuestions.Outcome {
        guard let answer else { return .lost }
        guard question.topic == .kind else { return answer.load == nil ? .nothing : .said }
        guard let kind = answer.kind else { return .nothing }
        return kind == .unknown ? .final : .said
    }

    private func take(_ load: EngineLoad) {
        engine.says(load, at: loop.now)
        if load.cacheTokens != nil { questions.sizeIsKnown() }
    }

    private func found(_ kind: EngineKind) {
        guard kind != engine.foundKind else { return }
        engine.found(kind)
        kindChanged(engine)
    }

    // MARK: ExecutorStreamHandler

    func requestSent() {}
    func responseHead(_ head: ResponseHead, body: ResponseBody) {
        guard let question else { return }
        engine.heard(at: loop.now)
        answer = EngineAnswer(path: question.path, status: head.status, server: head.fields.string(.server))
    }
    func responseBody(_ bytes: Span<UInt8>) {
        guard let question, answer != nil else { return }
        engine.heard(at: loop.now)
        bodyBytes += bytes.count
        if question.path == "/metrics" {
            guard bodyBytes <= Self.metricsBytesMax else { return end(nil) }
            answer?.metrics.take(bytes)
        } else {
            guard bodyBytes <= EngineAnswer.bodyBytesMax else { return end(nil) }
            for index in bytes.indices { answer?.body.append(bytes[index]) }
        }
    }
    func responseEnded() {
        request = nil
        answer?.metrics.finish()
        end(answer)
    }
    func attemptFailed(_ failure: ExecutorFailure) {
        request = nil
        end(nil)
    }
}
