// A clock that stands still while the process does, so that a pause of the process does not expire its deadlines.
internal import Synchronization

/// The monotonic clock without the pauses of the process.
///
/// A debugger, a freezer or a signal can stop a process. If the time went on meanwhile, all its deadlines would pass at
/// once when it continues. A pause is a time of more than `pauseMin` in which no thread has read the clock; every loop
/// reads it at least once each `tick`, so that only a pause of the whole process counts. All threads share one clock,
/// since they compare their times.
package final class ProcessClock: Sendable {
    /// The longest time between two readings by a running loop, in nanoseconds.
    package static let tick: Nanoseconds = 500_000_000
    /// A longer time than this between two readings is a pause: a tick and one second.
    package static let pauseMin: Nanoseconds = tick + 1_000_000_000
    /// How often the time is stored, in nanoseconds; seldom, since all threads read the variable.
    ///
    /// This much of each pause counts as time, because it is unknown how long after the last store the pause began.
    package static let noteInterval: Nanoseconds = 100_000_000

    private let source: @Sendable () -> Nanoseconds
    /// The time of the source when it was last stored.
    private let seen: Atomic<Nanoseconds>
    /// The sum of all pauses.
    private let total = Atomic<Nanoseconds>(0)
    /// The sum of all pauses, under the lock that a thread takes to store the time.
    private let noting = Lock<Nanoseconds>(0)

    /// - Parameter source: a clock that never goes back.
    package init(source: @escaping @Sendable () -> Nanoseconds = { Clock.monotonicNow() }) {
        self.source = source
        seen = Atomic(source())
    }

    /// The sum of all pauses of the process so far, in nanoseconds.
    package var paused: Nanoseconds { total.load(ordering: .relaxed) }

    /// The time without pauses; it never goes back, on one thread or between threads.
    ///
    /// `seen` is read before `total`, and the source after both: so a pause during this function is either found, or
    /// has not begun when the source is read. A result without the lock is less than `noteInterval` after `seen`.
    package var now: Nanoseconds {
        let seen = seen.load(ordering: .acquiring)
        let paused = total.load(ordering: .acquiring)
        let time = source()
        return time < seen + Self.noteInterval ? time - paused : noted()
    }

    /// Stores the time; the first thread that reads the clock after a pause adds it to the sum.
    ///
    /// After a pause the time continues `noteInterval` after the last store, since no result before it was later.
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
