// Reports on stderr when an engine goes down or comes back: one line for each change of its health.
internal import Routing
internal import Transport

/// Tells the operator when an engine goes down or comes back; confined to the control thread.
///
/// The class checks the health of each engine at intervals, so it may miss a change that lasts for less than an
/// interval.
final class HealthReporter: TimerTarget {
    /// The time between two checks, in nanoseconds.
    private static let interval: Nanoseconds = 250_000_000

    private struct Watched {
        let engine: Engine
        let executors: [Executor]
        /// When the engine was reported as down, on the event loop's clock; nil while the engine is up.
        var downSince: Nanoseconds?
    }

    private let loop: EventLoop
    private let lastLoss: (Engine) -> String?
    private let say: (String, LogPriority) -> Void
    private var watched: [Watched]
    private var timer: TimerID?

    /// - Parameters:
    ///   - lastLoss: how the last failed probe of an engine failed; nil if none has failed.
    ///   - say: writes a line for the operator.
    init(
        _ snapshot: Snapshot,
        loop: EventLoop,
        lastLoss: @escaping (Engine) -> String?,
        say: @escaping (String, LogPriority) -> Void = { OperatorLog.say($0, $1) }
    ) {
        self.loop = loop
        self.lastLoss = lastLoss
        self.say = say
        watched = Self.watched(snapshot)
    }

    private static func watched(_ snapshot: Snapshot) -> [Watched] {
        snapshot.engines.map { Watched(engine: $0.engine, executors: snapshot.executors(at: $0.engine)) }
    }

    /// Checks the engines of a new snapshot from now on.
    ///
    /// An engine that was reported as down under the earlier snapshot is reported again when it comes back.
    func adopt(_ snapshot: Snapshot) {
        let before = watched
        watched = Self.watched(snapshot)
        for index in watched.indices {
            watched[index].downSince = before.first { $0.engine === watched[index].engine }?.downSince
        }
    }

    /// Starts to check the health of the engines at intervals.
    func start() { timer = loop.timers.schedule(at: loop.now + Self.interval, target: self, kind: 0) }

    /// Stops checking the health of the engines.
    func stop() {
        if let timer { loop.timers.cancel(timer) }
        timer = nil
    }

    func timerFired(_ kind: Int) {
        for index in watched.indices { check(index) }
        start()
    }

    /// Reports an engine that has gone down or come back since the last check.
    ///
    /// An engine is reported as down while it, or one of its executors, is ejected, that is excluded from requests
    /// because of its failures.
    private func check(_ index: Int) {
        let engine = watched[index].engine
        let alone = watched[index].executors.first(where: \.isEjectedAlone)
        let isDown = engine.isEjected || alone != nil
        guard isDown != (watched[index].downSince != nil) else { return }
        if let since = watched[index].downSince {
            watched[index].downSince = nil
            let seconds = (loop.now - since) / 1_000_000_000
            say("executor \(engine.name) is back: it answers again, after \(seconds) s", .information)
            return
        }
        watched[index].downSince = loop.now
        if engine.isEjected {
            say("warning: executor \(engine.name) is down: \(reason(engine.cause, at: engine))", .warning)
        } else if let alone {
            let why = reason(alone.cause, at: engine)
            say("warning: executor \(engine.name) is down for the model \(alone.model): \(why)", .warning)
        }
    }

    private func reason(_ cause: ExecutorHealth.Cause, at engine: Engine) -> String {
        switch cause {
        case .probes(let count):
            return "\(count) health probes in a row failed, the last one: \(lastLoss(engine) ?? "no answer")"
        case .faults(let scope): return "attempts in a row \(scope.text)"
        }
    }
}
