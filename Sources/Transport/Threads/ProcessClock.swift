// A clock that stops while the process is stopped, so that deadlines do not expire during a pause of the process.
internal import Synchronization

/// The monotonic clock, minus the time during which the whole process was stopped.
///
/// A debugger, the cgroup freezer or SIGSTOP can stop a process. Without this clock, all deadlines would expire at once
/// when the process continues. Every loop reads the clock at least once each `tick`. So if no thread reads it for more
/// than `pauseMin`, the whole process must have been stopped. All threads share one clock, because times that different
/// threads have read are compared with each other.
package final class ProcessClock: Sendable {
    /// The longest time between two readings by a running loop, in nanoseconds.
    package static let tick: Nanoseconds = 500_000_000
    /// A gap between two readings that is longer than this counts as a pause: a tick plus one second, in nanoseconds.
    package static let pauseMin: Nanoseconds = tick + 1_000_000_000
    /// How old the time in `seen` must be, in nanoseconds, before a thread that reads the clock stores a new one.
    ///
    /// Stores are rare, because each store slows down all threads that read `seen`.
    ///
    /// The clock does not know how long after the last store a pause began. So it treats the first `noteInterval` after
    /// that store as running time.
    package static let noteInterval: Nanoseconds = 100_000_000

    private let source: @Sendable () -> Nanoseconds
    /// The time of `source` that a thread has stored last; it still includes pauses.
    private let seen: Atomic<Nanoseconds>
    /// The sum of all pauses of the process, in nanoseconds; readable without the lock.
    private let total = Atomic<Nanoseconds>(0)
    /// The sum of all pauses, in nanoseconds, with the lock under which `noted` changes `seen`, `total` and this sum.
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
    /// `seen` and `total` must be read before `source`. In this order, if the process is stopped between these reads
    /// for long enough to count as a pause, `time` exceeds `seen + noteInterval`, so `now` returns the result of
    /// `noted`, which subtracts this pause too.
    package var now: Nanoseconds {
        let seen = seen.load(ordering: .acquiring)
        let paused = total.load(ordering: .acquiring)
        let time = source()
        return time < seen + Self.noteInterval ? time - paused : noted()
    }

    /// Stores the current time in `seen`, and returns the time without pauses.
    ///
    /// If the last store was more than `pauseMin` ago, the process has been stopped since that store. The function then
    /// counts all time since that store as a pause, except `noteInterval`: the clock shows `noteInterval` more than at
    /// the store. It cannot have shown more before the pause, because `now` computes a time without this function only
    /// until `noteInterval` after a store.
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
