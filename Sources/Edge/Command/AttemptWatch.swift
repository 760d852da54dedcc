// Waits until the last attempt at a drained executor is over.
internal import Routing
internal import Transport

/// Looks at the attempts of drained executors until none is left; confined to the control thread.
///
/// Attempts end on the workers, which do not report each end to anybody, so this looks again and again. It holds its
/// executors, which a reload may remove meanwhile.
final class AttemptWatch {
    /// The time between two looks, in nanoseconds.
    static let interval: Nanoseconds = 20_000_000

    /// The executors to wait for.
    struct Watched {
        let executors: [Executor]
        /// Whether they are all executors of their engine, so that its attempts for models that a reload has removed
        /// count too.
        let isWholeEngine: Bool

        /// How many attempts are under way.
        var running: Int {
            guard isWholeEngine else { return executors.reduce(0) { $0 + $1.running } }
            var engines: [Engine] = []
            for executor in executors where !engines.contains(where: { $0 === executor.engine }) {
                engines.append(executor.engine)
            }
            return engines.reduce(0) { $0 + $1.running }
        }

        /// Whether all of them are still drained.
        var areDrained: Bool { executors.allSatisfy(\.isDrained) }
    }

    private let loop: EventLoop
    private let watched: Watched
    private var ended: ((_ isDrained: Bool) -> Void)?
    private var timer: TimerID?

    /// - Parameter ended: called once, possibly before this returns: with true when no attempt is left, with false if
    ///   one of the executors is no longer drained.
    init(_ watched: Watched, loop: EventLoop, ended: @escaping (_ isDrained: Bool) -> Void) {
        self.loop = loop
        self.watched = watched
        self.ended = ended
        look()
    }

    /// Ends the wait; `ended` is not called any more.
    func cancel() {
        if let timer { loop.timers.cancel(timer) }
        timer = nil
        ended = nil
    }

    private func look() {
        guard let ended else { return }
        let isDrained = watched.areDrained
        guard isDrained, watched.running > 0 else {
            cancel()
            ended(isDrained)
            return
        }
        timer = loop.timers.schedule(
            at: loop.now + Self.interval,
            target: TimerClosure { [weak self] in self?.look() },
            kind: 0
        )
    }
}
