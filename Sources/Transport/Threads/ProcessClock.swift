// A clock that stops while the process is stopped, so that deadlines do not expire during a pause of the process.
internal import Synchronization

/// The monotonic clock, minus the time during which the whole process was stopped.
///
/// A debugger, the cgroup freezer or SIGSTOP can stop a process. Without this clock, all deadlines would expire at once
/// when the process continues. Every loop reads the clock at least once each `tick`. So if no thread reads it for more
/// than `pauseMin`, the whole process must have been stopped. All threads share one clock because they compare times.
package final class ProcessClock: Sendable {
    /// The longest time between two readings by a running loop, in nanoseconds.
    package static let tick: Nanoseconds = 500_000_000
    /// A gap between two readings that is longer than this counts as a pause: a tick plus one second, in nanoseconds.
    package static let pauseMin: Nanoseconds = tick + 1_000_000_000
    /// How often a thread stores the time in `seen`, in nanoseconds.
    ///
    /// Stores are rare, because each store slows down all threads that read `seen`.
    ///
    /// The clock does not know how long after the last store a pause of the process began. So it treats the first
    /// `noteInterval` after that store as running time.
    package static let noteInterval: Nanoseconds = 100_000_000

    private let source: @Sendable () -> Nanoseconds
    /// The last stored time of `source`, which still includes pauses.
    private let seen: Atomic<Nanoseconds>
    /// The sum of all pauses of the process, in nanoseconds; readable without the lock.
    private let total = Atomic<Nanoseconds>(0)
    /// Protects the sum of all pauses, in nanoseconds, while a thread stores a new time in `seen`.
    ///
    /// `total` is a copy of this sum that can be read without the lock.
    private let noting = Lock<Nanoseconds>(0)

    /// - Parameter source: returns the nanoseconds of a clock that never goes back.
    package init(source: @escaping @Sendable () -> Nanoseconds = { Clock.monotonicNow() }) {
        self.source = source
        seen = Atomic(source())
    }

    /// How long the process has been stopped in total, in nanoseconds.
    package var paused: Nanoseconds { total.load(ordering: .relaxed) }

    /// The time without pauses, in nanoseconds.
    ///
    /// The time never goes back, neither on one thread nor between threads.
    ///
    /// `seen` and `total` must be read before `source`. Then, if the process is stopped within this function, `time`
    /// exceeds `seen + noteInterval`, and `noted` handles the pause.
    package var now: Nanoseconds {
        let seen = seen.load(ordering: .acquiring)
        let paused = total.load(ordering: .acquiring)
        let time = source()
        return time < seen + Self.noteInterval ? time - paused : noted()
    }

    /// Stores the current time in `seen`.
    ///
    /// If the process was stopped since the last store, the function adds the length of that pause minus `noteInterval`
    /// to the sum of all pauses. The clock then shows `noteInterval` more than at the last store. Before the pause, the
    /// clock showed no later time, because `now` calls this function once `noteInterval` has passed since a store. So
    /// the clock does not go back.
    private func noted() -> Nanoseconds {
        noting.withLock { paused in
            let last = seen.load(ordering: .acquiring)
            let time = source()
            if time > last + Self.pauseMin {
                paused += time - last - Self.noteInterval
                total.store(paused, ordering: .releasing)
            }
            seen.store(max(time, last), ordering: .releasing)
            return time - paused
        }
    }
}
