// Probes the health of the engines from the control thread, so that requests are not sent to dead engines.
internal import HTTP
internal import Routing
internal import Transport

/// Probes every engine of a snapshot; confined to the control thread.
///
/// An engine that serves several models is probed once for all of them.
final class HealthProber {
    private let loop: EventLoop
    private let environment = ExecutorEnvironment()
    private let died: (Engine, EngineDeath) -> Void
    private let kindFound: (Engine) -> Void
    private var probers: [EngineProber] = []
    private var snapshot: Snapshot

    /// Starts the probes.
    ///
    /// - Parameters:
    ///   - died: called when probes have found an engine dead, and again after each further failed probe of that
    ///     engine.
    ///   - kindFound: called when the kind of an engine has been found or has changed.
    init(
        _ snapshot: Snapshot,
        loop: EventLoop,
        died: @escaping (Engine, EngineDeath) -> Void = { _, _ in },
        kindFound: @escaping (Engine) -> Void = { _ in }
    ) {
        self.snapshot = snapshot
        self.loop = loop
        self.kindFound = kindFound
        self.died = died
        adopt(snapshot)
    }

    /// Probes the engines of a new snapshot from now on.
    ///
    /// If the probe settings of an engine are unchanged, its schedule continues. If they have changed, probing starts
    /// again from the beginning, but the counts of results are kept.
    func adopt(_ snapshot: Snapshot) {
        self.snapshot = snapshot
        var left = probers
        probers = []
        for (index, target) in snapshot.engines.enumerated() {
            guard let probe = target.probe else { continue }
            let executors = snapshot.executors(at: target.engine)
            let known = left.firstIndex { $0.engine === target.engine }.map { left.remove(at: $0) }
            if let known, target.isProbedLike(known.target) {
                known.adopt(target, executors: executors)
                probers.append(known)
                continue
            }
            known?.stop()
            let client = ExecutorClient(loop: loop, settings: target.client, environment: environment)
            let prober = EngineProber(
                loop: loop,
                target,
                probe,
                client,
                executors: executors,
                results: known?.results ?? [:],
                died: died,
                kindChanged: { [weak self] engine in self?.kindChanged(of: engine) }
            )
            // The engines are divided into 16 groups. The first probes of one group begin a sixteenth of the interval
            // after those of the group before it, so the probes are spread over the interval.
            prober.start(after: probe.interval / 16 * Nanoseconds(index % 16))
            probers.append(prober)
        }
        for prober in left {
            prober.stop()
            // The engine is no longer probed. Without this call, the result of an earlier failed probe would keep
            // requests from it.
            prober.engine.probesEnded(at: loop.now)
        }
    }

    /// For each engine, its name and the number of probes by their result.
    var results: [(engine: String, counts: [ExecutorHealth.Probe: UInt64])] {
        probers.map { ($0.engine.name, $0.results) }
    }

    /// The reason of the latest failure of a probe at an engine; nil if no probe has failed.
    func lastLoss(at engine: Engine) -> String? {
        probers.first { $0.engine === engine }?.lastLoss
    }

    private func kindChanged(of engine: Engine) {
        snapshot.kindChanged(of: engine)
        kindFound(engine)
    }

    /// Ends all probes.
    func stop() {
        for prober in probers { prober.stop() }
        probers = []
    }
}

/// Probes one engine: sends a request, waits for the answer, and sends the next request after the interval.
private final class EngineProber: ExecutorStreamHandler, TimerTarget {
    /// The longest time between two probes of an engine that loads its model, in nanoseconds.
    private static let loadingInterval: Nanoseconds = 500_000_000
    /// How many bytes of an answer's body are kept to classify the answer.
    private static let bodyMax = 4096
    private enum TimerKind: Int {
        /// The next probe is due.
        case ask
        /// The probe under way has waited for its answer for too long.
        case late
        /// It is time to check whether the engine has sent nothing for so long that it counts as dead.
        case silence
    }

    private let loop: EventLoop
    private(set) var target: EngineTarget
    private let probe: HealthProbe
    private let client: ExecutorClient
    /// The executors of all models at this engine.
    private var executors: [Executor]
    private let died: (Engine, EngineDeath) -> Void
    /// Asks the engine for its kind, its load and its cache size after a passed probe.
    private let inquiry: EngineInquiry
    /// The request of the probe under way; nil between two probes.
    private var request: (any ExecutorStream)?
    private var status = 0
    private var body: [UInt8] = []
    /// Fires when the next probe is due, or when the probe under way has waited too long for its answer.
    private var timer: TimerID?
    /// Fires when it is time to check whether the engine has sent nothing for so long that it counts as dead.
    private var silenceTimer: TimerID?
    /// When probing began, in nanoseconds of the event loop's clock.
    private var watchedSince: Nanoseconds = 0
    /// Whether the latest unsuccessful probe failed because its connection was refused, reset or closed.
    ///
    /// The value is false if that probe failed for another reason, for example because no answer came in time.
    private var wasRefused = false
    private(set) var lastLoss: String?
    private(set) var results: [ExecutorHealth.Probe: UInt64]

    init(
        loop: EventLoop,
        _ target: EngineTarget,
        _ probe: HealthProbe,
        _ client: ExecutorClient,
        executors: [Executor],
        results: [ExecutorHealth.Probe: UInt64] = [:],
        died: @escaping (Engine, EngineDeath) -> Void,
        kindChanged: @escaping (Engine) -> Void
    ) {
        inquiry = EngineInquiry(loop: loop, target, client, timeout: probe.timeout, kindChanged: kindChanged)
        self.results = results
        self.loop = loop
        self.target = target
        self.probe = probe
        self.client = client
        self.executors = executors
        self.died = died
    }

    var engine: Engine { target.engine }

    /// Takes over the engine's settings and executors from a new snapshot, in which the probe settings are unchanged.
    func adopt(_ target: EngineTarget, executors: [Executor]) {
        self.target = target
        self.executors = executors
        inquiry.adopt(target)
    }

    func start(after delay: Nanoseconds) {
        watchedSince = loop.now
        schedule(.ask, after: delay)
    }

    func stop() {
        for timer in [timer, silenceTimer] { if let timer { loop.timers.cancel(timer) } }
        timer = nil
        silenceTimer = nil
        request?.cancel()
        request = nil
        inquiry.stop()
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
            reportIfDead()
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
        let probeRequest = ExecutorRequest(
            method: .get,
            target: probe.path,
            host: target.host,
            fields: fields,
            body: nil
        )
        schedule(.late, after: probe.timeout)
        request = client.send(probeRequest, handler: self)
    }

    private func lost(_ loss: ProbeLoss) {
        lastLoss = loss.text
        wasRefused = loss.isRefusal
        if loss.isRefusal { engine.refused(at: loop.now) }
        if loss.isRefusal { inquiry.engineWasLost() }
        finish(loss.probe)
        reportIfDead()
        watchSilence()
    }

    /// Counts the result of a probe, records it in the `Engine` object, and schedules the next probe.
    private func finish(_ answer: ExecutorHealth.Probe) {
        if let timer { loop.timers.cancel(timer) }
        request?.cancel()
        request = nil
        results[answer, default: 0] += 1
        let now = loop.now
        let (wasEjected, wasLoading) = (engine.isEjected, engine.isLoading)
        engine.report(answer, rise: probe.rise, fall: probe.fall, watchedSince: watchedSince, at: now)
        if wasEjected, !engine.isEjected {
            for executor in executors { executor.engineIsBack(at: now) }
            inquiry.engineWasLost()
        }
        if wasLoading, answer == .passed { for executor in executors { executor.engineHasLoaded() } }
        // The engine may have become usable again, so it may now take exchanges that wait for an executor.
        if answer == .passed {
            engine.pump(at: now)
            inquiry.probePassed()
        }
        // While the engine loads its model, requests may wait for it. It is then probed more often, so that they wait
        // no longer than needed.
        schedule(.ask, after: engine.isLoading ? min(probe.interval, Self.loadingInterval) : probe.interval)
    }

    private func reportIfDead() {
        guard engine.isDead else { return }
        died(engine, EngineDeath(reason: "its last health probe: \(lastLoss ?? "")", isRefusal: wasRefused))
    }

    /// Sets a timer for the moment at which an ejected engine that sends nothing may count as dead.
    ///
    /// An ejected engine gets no requests for a while, because it has failed too often. If its probes only time out, it
    /// counts as dead only after it has sent nothing for `ExecutorHealth.silenceMax`, because it may still work on
    /// requests.
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
        request = nil
        let answer = HealthProbe.classify(status: status, body: body)
        if answer == .failed { lost(ProbeLoss(.failed, "it answered \(status)")) } else { finish(answer) }
    }
    func attemptFailed(_ failure: ExecutorFailure) {
        request = nil
        if case .unreachable(let error) = failure, error.isOutOfDescriptors {
            // This process has no free descriptor for the connection, so the result says nothing about the engine.
            if let timer { loop.timers.cancel(timer) }
            schedule(.ask, after: probe.interval)
        } else {
            lost(ProbeLoss(failure))
        }
    }
}
