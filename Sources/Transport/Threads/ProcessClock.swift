// A clock that stands still while the process does: what is due after a pause is due as long after it as before.
internal import Synchronization

/// The monotonic clock without the pauses of the process.
///
/// A process that a debugger, a freezer or a signal has stopped has seen nothing of what happened meanwhile: were the
/// time to go on, all its deadlines would pass at once. Here a pause is a time in which none of its threads has read the
/// clock for more than `pauseMin`; every loop on this clock reads it at least each `tick`, so that only a pause of all of
/// them counts. One clock for all threads of a process, since they compare their times.
package final class ProcessClock: Sendable {
    /// The longest time between two readings by a loop that runs, in nanoseconds.
    package static let tick: Nanoseconds = 500_000_000
    /// More than this between two readings is a pause: a second more than was asked for.
    package static let pauseMin: Nanoseconds = tick + 1_000_000_000
    /// How much time passes between two notes of the time, so that threads seldom write what all read; in nanoseconds.
    ///
    /// So much of each pause is in the time: nobody can tell how long after the last note it began.
    package static let noteInterval: Nanoseconds = 100_000_000

    private let source: @Sendable () -> Nanoseconds
    /// The source's time at about the last reading of any thread.
    private let seen: Atomic<Nanoseconds>
    /// All pauses so far.
    private let total = Atomic<Nanoseconds>(0)
    /// The same, for who notes the time.
    private let noting = Lock<Nanoseconds>(0)

    /// - Parameter source: a clock that never goes back.
    package init(source: @escaping @Sendable () -> Nanoseconds = { Clock.monotonicNow() }) {
        self.source = source
        seen = Atomic(source())
    }

    /// For how long the process has been paused so far, all its pauses together.
    package var paused: Nanoseconds { total.load(ordering: .relaxed) }

    /// Never goes back, on any thread and between them.
    ///
    /// `seen` is read before `total` and the source after both: a pause within this function is then either found, or
    /// has not begun when the source is read. What is answered without the lock is less than `noteInterval` after `seen`.
    package var now: Nanoseconds {
        let seen = seen.load(ordering: .acquiring)
        let paused = total.load(ordering: .acquiring)
        let time = source()
        return time < seen + Self.noteInterval ? time - paused : noted()
    }

    /// Notes the time; the first thread that reads the clock after a pause takes that out of it.
    ///
    /// After a pause the time goes on `noteInterval` after the last note, since no answer before the pause was later.
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
