// Tells the operator, on stderr, which engines go down and come back: one line each, whoever found it out.
internal import Routing
internal import Transport

/// Confined to the control thread.
///
/// Workers and probes change what is known of an engine; this looks at it from time to time, so that however often it
/// changes in between there is one line for each change that lasts.
final class HealthReporter: TimerTarget {
    /// How often it looks, in nanoseconds.
    private static let interval: Nanoseconds = 250_000_000

    private struct Watched {
        let engine: Engine
        let executors: [Executor]
        /// Since when it is down, as has been told; nil while it is well.
        var downSince: Nanoseconds?
    }

    private let loop: EventLoop
    private let lastLoss: (Engine) -> String?
    private let say: (String, LogPriority) -> Void
    private var watched: [Watched]
    private var timer: TimerID?

    /// - Parameters:
    ///   - lastLoss: what became of an engine's last probe that was lost.
    ///   - say: writes a line.
    init(
        _ snapshot: Snapshot,
        loop: EventLoop,
        lastLoss: @escaping (Engine) -> String?,
        say: @escaping (String, LogPriority) -> Void = { OperatorLog.say($0, $1) }
    ) {
        self.loop = loop
        self.lastLoss = lastLoss
        self.say = say
        watched = snapshot.engines.map { Watched(engine: $0.engine, executors: snapshot.executors(at: $0.engine)) }
    }

    func start() { timer = loop.timers.schedule(at: loop.now + Self.interval, target: self, kind: 0) }

    func stop() {
        if let timer { loop.timers.cancel(timer) }
        timer = nil
    }

    func timerFired(_ kind: Int) {
        for place in watched.indices { look(at: place) }
        start()
    }

    /// An engine is down while it is ejected, or one of its models is.
    private func look(at place: Int) {
        let engine = watched[place].engine
        let alone = watched[place].executors.first(where: \.isEjectedAlone)
        let isDown = engine.isEjected || alone != nil
        guard isDown != (watched[place].downSince != nil) else { return }
        if let since = watched[place].downSince {
            watched[place].downSince = nil
            let seconds = (loop.now - since) / 1_000_000_000
            say("executor \(engine.name) is back: it answers again, after \(seconds) s", .information)
            return
        }
        watched[place].downSince = loop.now
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
