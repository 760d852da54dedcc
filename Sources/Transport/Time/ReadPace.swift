// Judges whether a peer takes the bytes that wait for it fast enough.

/// A least pace for a peer that reads, judged once a window of time.
///
/// Only bytes that waited at the beginning of a window count: by its end the peer must have taken all of them, or as
/// many as the least pace asks of a whole window. So a sender that produces little is never blamed on the peer, and a
/// peer that takes a byte from time to time does not gain time by it. Nothing is counted for each write: the owner
/// calls `isTooSlow` from a timer.
package struct ReadPace: Equatable, Sendable {
    /// When the window ends; `.max` before `begin`, and if there is no least pace.
    package private(set) var windowEnd: Nanoseconds = .max
    private var window: Nanoseconds = 0
    private var bytesPerSecondMin = 0
    /// How many bytes the peer had taken when the window began.
    private var takenBefore = 0
    /// How many bytes the peer has to take within the window.
    private var required = 0

    package init() {}

    /// Begins the first window; does nothing if a window is under way, or if there is no least pace.
    ///
    /// - Parameters:
    ///   - taken: the bytes that the peer has taken so far, counted from any fixed point.
    ///   - waiting: the bytes that wait for the peer.
    ///   - window: the length of all windows, in nanoseconds; more than 0.
    ///   - bytesPerSecondMin: the least pace in bytes a second; 0 for none.
    package mutating func begin(
        taken: Int,
        waiting: Int,
        window: Nanoseconds,
        bytesPerSecondMin: Int,
        at now: Nanoseconds
    ) {
        guard bytesPerSecondMin > 0, windowEnd == .max else { return }
        self.window = window
        self.bytesPerSecondMin = bytesPerSecondMin
        open(taken: taken, waiting: waiting, at: now)
    }

    /// Whether the peer took too little in the window that has ended; if not, the next window begins.
    ///
    /// Returns false while the window is not over, and if there is no window.
    package mutating func isTooSlow(taken: Int, waiting: Int, at now: Nanoseconds) -> Bool {
        guard windowEnd <= now else { return false }
        if waiting > 0, taken - takenBefore < required { return true }
        open(taken: taken, waiting: waiting, at: now)
        return false
    }

    /// What a peer did that was too slow, for the log.
    ///
    /// - Parameter taken: the bytes that the peer has taken, as for `isTooSlow`.
    package func description(taken: Int) -> String {
        let seconds = window / 1_000_000_000
        return "took \(max(0, taken - takenBefore)) bytes in \(seconds) s, of at least \(required) that waited; "
            + "the least pace is \(bytesPerSecondMin) bytes a second"
    }

    private mutating func open(taken: Int, waiting: Int, at now: Nanoseconds) {
        takenBefore = taken
        let most = bytesPerSecondMin.multipliedReportingOverflow(by: Int(window / 1_000_000_000))
        required = min(waiting, most.overflow ? .max : most.partialValue)
        windowEnd = now + window
    }
}
