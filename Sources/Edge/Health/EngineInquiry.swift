// Asks an engine what it is and what it has to do, after it has passed a health probe.
internal import HTTP
internal import Routing
internal import Transport

/// Asks one engine the questions of `EngineQuestions`, one after the other; confined to the control thread.
final class EngineInquiry: ExecutorStreamHandler, TimerTarget {
    private enum TimerKind: Int {
        /// The next question is due.
        case ask
        /// The question under way has waited for its answer for too long.
        case late
    }

    /// The largest page of metrics that is read, in bytes; of a longer one nothing counts.
    private static let metricsBytesMax = 16 << 20

    private let loop: EventLoop
    private let client: ExecutorClient
    /// How long a question waits for its answer, in nanoseconds.
    private let timeout: Nanoseconds
    /// Called when the kind of the engine has been found or has changed.
    private let kindChanged: (Engine) -> Void
    private var target: EngineTarget
    private var questions = EngineQuestions()
    /// The question under way; nil between two questions.
    private var question: EngineQuestions.Question?
    private var request: (any ExecutorStream)?
    private var timer: TimerID?
    /// The answer to the question under way, as far as it has arrived.
    private var answer: EngineAnswer?
    /// The length of the body that has arrived, in bytes.
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

    /// Takes over the target of a new snapshot, which is reached as the one before.
    func adopt(_ target: EngineTarget) { self.target = target }

    /// Asks what is to be asked now, because the engine has passed a probe; does nothing while it is being asked.
    func probePassed() {
        guard question == nil, timer == nil else { return }
        // The question is sent in the next turn of the loop. By then, the connection of the probe is unused again, and
        // can carry the question.
        schedule(.ask, after: 0)
    }

    /// Asks everything again after the next probe that passes, because the engine was lost and may be another one then.
    func engineWasLost() {
        stop()
        questions.engineWasLost()
        engine.forgetWords()
    }

    /// Ends the question under way.
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

    /// Takes the answer to the question under way, and asks the next one.
    ///
    /// - Parameter answer: nil if there was no whole answer.
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
