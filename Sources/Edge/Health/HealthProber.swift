// Asks the engines whether they live, from the control thread: what requests find out, they need not find out first.
internal import HTTP
internal import Routing
internal import Transport

/// Confined to the control thread.
///
/// An engine that serves several models is asked once for all of them.
final class HealthProber {
    private var probers: [EngineProber] = []

    /// - Parameter died: called when an engine is found dead, and with each further probe that is lost there.
    init(_ snapshot: Snapshot, loop: EventLoop, died: @escaping (Engine, EngineDeath) -> Void = { _, _ in }) {
        let environment = ExecutorEnvironment()
        for (place, target) in snapshot.engines.enumerated() {
            guard let probe = target.probe else { continue }
            let client = ExecutorClient(loop: loop, settings: target.client, environment: environment)
            let prober = EngineProber(
                loop: loop,
                target,
                probe,
                client,
                executors: snapshot.executors(at: target.engine),
                died: died
            )
            // Not all in one moment, nor in each moment again.
            prober.start(after: probe.interval / 16 * Nanoseconds(place % 16))
            probers.append(prober)
        }
    }

    /// The answers to the probes of each engine so far, by the engine's name.
    var results: [(engine: String, counts: [ExecutorHealth.Probe: UInt64])] {
        probers.map { ($0.engine.name, $0.results) }
    }

    /// What became of the last probe of the engine that was lost; nil where there has been none.
    func lastLoss(at engine: Engine) -> String? {
        probers.first { $0.engine === engine }?.lastLoss
    }

    func stop() {
        for prober in probers { prober.stop() }
        probers = []
    }
}

/// One engine: a question, its answer or its silence, and the next one.
private final class EngineProber: ExecutorStreamHandler, TimerTarget {
    private static let bodyMax = 4096
    private enum TimerKind: Int { case ask, late, silence }

    private let loop: EventLoop
    private let target: EngineTarget
    private let probe: HealthProbe
    private let client: ExecutorClient
    /// The engine's, of all models.
    private let executors: [Executor]
    private let died: (Engine, EngineDeath) -> Void
    private var question: (any ExecutorStream)?
    private var status = 0
    private var body: [UInt8] = []
    private var timer: TimerID?
    /// When the engine is dead, if nothing comes from it until then.
    private var silenceTimer: TimerID?
    private var watchedSince: Nanoseconds = 0
    private var wasRefused = false
    private(set) var lastLoss: String?
    private(set) var results: [ExecutorHealth.Probe: UInt64] = [:]

    init(
        loop: EventLoop,
        _ target: EngineTarget,
        _ probe: HealthProbe,
        _ client: ExecutorClient,
        executors: [Executor],
        died: @escaping (Engine, EngineDeath) -> Void
    ) {
        self.loop = loop
        self.target = target
        self.probe = probe
        self.client = client
        self.executors = executors
        self.died = died
    }

    var engine: Engine { target.engine }

    func start(after delay: Nanoseconds) {
        watchedSince = loop.now
        schedule(.ask, after: delay)
    }

    func stop() {
        for timer in [timer, silenceTimer] { if let timer { loop.timers.cancel(timer) } }
        timer = nil
        silenceTimer = nil
        question?.cancel()
        question = nil
        client.closeIdle()
    }

    private func schedule(_ kind: TimerKind, after delay: Nanoseconds) {
        timer = loop.timers.schedule(at: loop.now + delay, target: self, kind: kind.rawValue)
    }

    func timerFired(_ kind: Int) {
        switch TimerKind(rawValue: kind) {
        case .ask:
            timer = nil
            ask()
        case .late:
            timer = nil
            lost(ProbeLoss(.timedOut, "no answer in time"))
        case .silence:
            silenceTimer = nil
            engine.reportSilence(fall: probe.fall, watchedSince: watchedSince, at: loop.now)
            tellIfDead()
        case nil: break
        }
    }

    private func ask() {
        status = 0
        body = []
        var fields = FieldBlock()
        fields.append(.userAgent, "freeinference")
        fields.append(.accept, "*/*")
        target.credential?.append(to: &fields)
        let request = ExecutorRequest(
            method: .get,
            target: probe.path,
            host: target.host,
            fields: fields,
            body: nil
        )
        schedule(.late, after: probe.timeout)
        question = client.send(request, handler: self)
    }

    private func lost(_ loss: ProbeLoss) {
        lastLoss = loss.text
        wasRefused = loss.isRefusal
        told(loss.probe)
        tellIfDead()
        watchSilence()
    }

    /// The answer, or that there is none; the next question follows.
    private func told(_ answer: ExecutorHealth.Probe) {
        if let timer { loop.timers.cancel(timer) }
        question?.cancel()
        question = nil
        results[answer, default: 0] += 1
        let now = loop.now
        let wasEjected = engine.isEjected
        engine.report(answer, rise: probe.rise, fall: probe.fall, watchedSince: watchedSince, at: now)
        if wasEjected, !engine.isEjected { for executor in executors { executor.engineIsBack(at: now) } }
        // It may be what somebody waits for.
        if answer == .passed { engine.pump(at: now) }
        schedule(.ask, after: probe.interval)
    }

    private func tellIfDead() {
        guard engine.isDead else { return }
        died(engine, EngineDeath(reason: "its last health probe: \(lastLoss ?? "")", isRefusal: wasRefused))
    }

    /// Lost probes do not make a dead engine before it has been silent for long enough: the two are counted side by side.
    private func watchSilence() {
        guard engine.isEjected, !engine.isDead, silenceTimer == nil else { return }
        let due = engine.heardAtMost(watchedSince) + ExecutorHealth.silenceMax
        guard due > loop.now else { return }
        silenceTimer = loop.timers.schedule(at: due, target: self, kind: TimerKind.silence.rawValue)
    }

    // MARK: ExecutorStreamHandler

    func requestSent() {}
    func responseHead(_ head: ResponseHead, body: ResponseBody) {
        target.engine.heard(at: loop.now)
        status = head.status
    }
    func responseBody(_ bytes: Span<UInt8>) {
        target.engine.heard(at: loop.now)
        let room = min(bytes.count, Self.bodyMax - body.count)
        for index in 0..<max(0, room) { body.append(bytes[index]) }
    }
    func responseEnded() {
        question = nil
        let answer = HealthProbe.judge(status: status, body: body)
        if answer == .failed { lost(ProbeLoss(.failed, "it answered \(status)")) } else { told(answer) }
    }
    func attemptFailed(_ failure: ExecutorFailure) {
        question = nil
        if case .unreachable(let error) = failure, error.isOutOfDescriptors {
            // It has not been asked: that says nothing of it.
            if let timer { loop.timers.cancel(timer) }
            schedule(.ask, after: probe.interval)
        } else {
            lost(ProbeLoss(failure))
        }
    }
}
