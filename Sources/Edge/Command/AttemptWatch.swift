// Waits until executors that the operator has drained have finished their last attempts.
internal import Routing
internal import Transport

/// Waits until executors that the operator has drained have no attempt under way.
///
/// A drained executor gets no new requests. The class checks at intervals, because the workers do not report the end of
/// each attempt. It holds references to the executors, because a reload may remove them from the configuration during
/// the wait. Used only by the control thread, which carries out operators' commands.
final class AttemptWatch {
    /// The time between two checks of whether attempts are still under way, in nanoseconds.
    static let interval: Nanoseconds = 20_000_000

    /// The executors to wait for: all attempts at them must end.
    struct Watched {
        let executors: [Executor]
        /// Whether the operator has drained whole engines, and not only single models of them.
        ///
        /// If true, `running` counts all attempts at the engines, even those for models that are no longer in the
        /// configuration.
        let isWholeEngine: Bool

        /// How many attempts are under way at the executors, or at their engines if `isWholeEngine` is true.
        var running: Int {
            guard isWholeEngine else { return executors.reduce(0) { $0 + $1.running } }
            var engines: [Engine] = []
            for executor in executors where !engines.contains(where: { $0 === executor.engine }) {
                engines.append(executor.engine)
            }
            return engines.reduce(0) { $0 + $1.running }
        }

        /// Whether all executors are still drained; false once the operator has resumed one of them.
        var areDrained: Bool { executors.allSatisfy(\.isDrained) }
    }

    private let loop: EventLoop
    private let watched: Watched
    private var ended: ((_ isDrained: Bool) -> Void)?
    private var timer: TimerID?

    /// Begins to wait.
    ///
    /// - Parameter ended: called once, possibly before `init` returns. Its argument is true if the last attempt has
    ///   ended, and false if the operator has resumed an executor before that.
    init(_ watched: Watched, loop: EventLoop, ended: @escaping (_ isDrained: Bool) -> Void) {
        self.loop = loop
        self.watched = watched
        self.ended = ended
        look()
    }

    /// Stops waiting, without a call of the closure `ended`.
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
