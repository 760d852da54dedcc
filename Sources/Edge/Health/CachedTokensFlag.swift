// Tells the operator to start an engine with a flag, so that its answers say how many tokens of a prompt were cached.
internal import Routing
internal import Transport

extension EngineKind {
    /// The command-line flag with which an engine of this kind reports how many tokens of a prompt were cached.
    ///
    /// The result is nil if the engine reports them without a flag, or if no flag is known.
    var cachedTokensFlag: String? {
        switch self {
        case .vllm: "--enable-prompt-tokens-details"
        case .sglang: "--enable-cache-report"
        case .unknown, .llamaCpp, .ollama, .openai, .anthropic: nil
        }
    }
}

extension ExecutorPool {
    /// The flag with which the operator should start an executor's engine, so that its answers report cached tokens.
    ///
    /// The result is nil if the answers that the pool has seen so far do not show that a flag is needed, or if no flag
    /// is known.
    func missingFlag(of executor: Executor) -> String? {
        hidesCachedTokens(executor) ? executor.engine.kind.cachedTokensFlag : nil
    }
}

/// Looks for engines that do not report cached tokens, and tells the operator once for each; confined to the control
/// thread.
final class CachedTokensReporter: TimerTarget {
    /// The time between two checks of all engines, in nanoseconds.
    private static let interval: Nanoseconds = 2_000_000_000

    private let loop: EventLoop
    private let say: (String, LogPriority) -> Void
    private var snapshot: Snapshot
    /// The ids of the engines that the operator was told to restart with a flag that makes them report cached tokens.
    private var told: Set<Int> = []
    private var timer: TimerID?

    init(
        _ snapshot: Snapshot,
        loop: EventLoop,
        say: @escaping (String, LogPriority) -> Void = { OperatorLog.say($0, $1) }
    ) {
        self.snapshot = snapshot
        self.loop = loop
        self.say = say
    }

    /// Checks the engines of a new snapshot from now on.
    func adopt(_ snapshot: Snapshot) {
        self.snapshot = snapshot
        told.formIntersection(snapshot.engines.map(\.engine.id))
    }

    func start() { timer = loop.timers.schedule(at: loop.now + Self.interval, target: self, kind: 0) }

    func stop() {
        if let timer { loop.timers.cancel(timer) }
        timer = nil
    }

    func timerFired(_ kind: Int) {
        for model in snapshot.models where model.pool.choosesByPrompt {
            for member in model.pool.members {
                let engine = member.executor.engine
                guard !told.contains(engine.id), let flag = model.pool.missingFlag(of: member.executor)
                else { continue }
                told.insert(engine.id)
                say("warning: executor \(engine.name): \(Self.text(flag))", .warning)
            }
        }
        start()
    }

    /// The message that tells the operator to start an engine with this flag, so that its answers report cached tokens.
    static func text(_ flag: String) -> String {
        "its answers never say what was cached, so that the size of its cache is a guess; start it with \(flag)"
    }
}
