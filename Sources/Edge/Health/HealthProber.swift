// Asks the engines whether they live, from the control thread: what requests find out, they need not find out first.
internal import HTTP
internal import Routing
internal import Transport

/// Confined to the control thread.
///
/// An engine that serves several models is asked once for all of them.
final class HealthProber {
    private var probers: [EngineProber] = []

    init(_ snapshot: Snapshot, loop: EventLoop) {
        let environment = ExecutorEnvironment()
        for (place, target) in snapshot.engines.enumerated() {
            guard let probe = target.probe else { continue }
            let client = ExecutorClient(loop: loop, settings: target.client, environment: environment)
            let pools = snapshot.models.map(\.pool).filter { pool in
                pool.members.contains { $0.executor.engine === target.engine }
            }
            let prober = EngineProber(loop: loop, target, probe, client, pools)
            // Not all in one moment, nor in each moment again.
            prober.start(after: probe.interval / 16 * Nanoseconds(place % 16))
            probers.append(prober)
        }
    }

    func stop() {
        for prober in probers { prober.stop() }
        probers = []
    }
}

/// One engine: a question, its answer or its silence, and the next one.
private final class EngineProber: ExecutorStreamHandler, TimerTarget {
    private static let bodyMax = 4096
    private enum TimerKind: Int { case ask, late }

    private let loop: EventLoop
    private let target: EngineTarget
    private let probe: HealthProbe
    private let client: ExecutorClient
    /// Those that have an executor at the engine.
    private let pools: [ExecutorPool]
    private var question: (any ExecutorStream)?
    private var status = 0
    private var body: [UInt8] = []
    private var timer: TimerID?

    init(
        loop: EventLoop,
        _ target: EngineTarget,
        _ probe: HealthProbe,
        _ client: ExecutorClient,
        _ pools: [ExecutorPool]
    ) {
        self.loop = loop
        self.target = target
        self.probe = probe
        self.client = client
        self.pools = pools
    }

    func start(after delay: Nanoseconds) { schedule(.ask, after: delay) }

    func stop() {
        if let timer { loop.timers.cancel(timer) }
        timer = nil
        question?.cancel()
        question = nil
        client.closeIdle()
    }

    private func schedule(_ kind: TimerKind, after delay: Nanoseconds) {
        timer = loop.timers.schedule(at: loop.now + delay, target: self, kind: kind.rawValue)
    }

    func timerFired(_ kind: Int) {
        timer = nil
        if kind == TimerKind.ask.rawValue { ask() } else { told(.failed) }
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

    /// The answer, or that there is none; the next question follows.
    private func told(_ answer: ExecutorHealth.Probe) {
        if let timer { loop.timers.cancel(timer) }
        question?.cancel()
        question = nil
        let (engine, now) = (target.engine, loop.now)
        // A pool that cannot do without it uses it all the same.
        let mayEject = pools.contains { $0.mayLeaveOut(engine) }
        engine.report(answer, rise: probe.rise, fall: probe.fall, mayEject: mayEject, at: now)
        // It may be what somebody waits for.
        if answer == .passed { engine.pump(at: now) }
        schedule(.ask, after: probe.interval)
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
        told(HealthProbe.judge(status: status, body: body))
    }
    func attemptFailed(_ failure: ExecutorFailure) {
        question = nil
        told(.failed)
    }
}
