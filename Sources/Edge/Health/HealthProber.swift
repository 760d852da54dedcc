// Asks the executors whether they live, from the control thread: what requests find out, they need not find out first.
internal import HTTP
internal import Routing
internal import Transport

/// Confined to the control thread.
///
/// An executor that serves several models is asked once for all of them.
final class HealthProber {
    private var probers: [ExecutorProber] = []

    init(_ snapshot: Snapshot, loop: EventLoop) {
        let environment = ExecutorEnvironment()
        var members: [String: [(pool: ExecutorPool, executor: Executor)]] = [:]
        for pool in snapshot.pools {
            for executor in pool.executors { members[executor.name, default: []].append((pool, executor)) }
        }
        var seen: Set<String> = []
        for (place, target) in snapshot.targets.enumerated() {
            guard let probe = target.probe, seen.insert(target.executor.name).inserted else { continue }
            let client = ExecutorClient(loop: loop, settings: target.client, environment: environment)
            let prober = ExecutorProber(loop: loop, target, probe, client, members[target.executor.name] ?? [])
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

/// One executor: a question, its answer or its silence, and the next one.
private final class ExecutorProber: ExecutorStreamHandler, TimerTarget {
    private static let bodyMax = 4096
    private enum TimerKind: Int { case ask, late }

    private let loop: EventLoop
    private let target: ExecutorTarget
    private let probe: HealthProbe
    private let client: ExecutorClient
    private let members: [(pool: ExecutorPool, executor: Executor)]
    private var question: (any ExecutorStream)?
    private var status = 0
    private var body: [UInt8] = []
    private var timer: TimerID?

    init(
        loop: EventLoop,
        _ target: ExecutorTarget,
        _ probe: HealthProbe,
        _ client: ExecutorClient,
        _ members: [(pool: ExecutorPool, executor: Executor)]
    ) {
        self.loop = loop
        self.target = target
        self.probe = probe
        self.client = client
        self.members = members
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
        for (pool, executor) in members {
            pool.report(answer, of: executor, rise: probe.rise, fall: probe.fall, at: loop.now)
            // It may be what somebody waits for.
            if answer == .passed { pool.pump(at: loop.now) }
        }
        schedule(.ask, after: probe.interval)
    }

    // MARK: ExecutorStreamHandler

    func requestSent() {}
    func responseHead(_ head: ResponseHead, body: ResponseBody) { status = head.status }
    func responseBody(_ bytes: Span<UInt8>) {
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
