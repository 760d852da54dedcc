// Checks whether a peer reads fast enough, so that a slow reader does not keep memory and a connection forever.

/// Checks, at the end of each period (window), whether a peer has read fast enough.
///
/// Only the bytes that were waiting for the peer at the beginning of a window count. By the end of the window, the peer
/// must have read all these bytes, or as many as the minimum rate demands for one window. So a peer never counts as too
/// slow only because the sender produces little. A peer cannot extend the window by reading a byte from time to time.
///
/// Whoever holds a `ReadPace` calls `isTooSlow` from a timer. Nothing is checked when bytes are written.
package struct ReadPace: Equatable, Sendable {
    /// When the current window (the period of one check) ends; `.max` before `begin`, and if there is no minimum rate.
    package private(set) var windowEnd: Nanoseconds = .max
    private var window: Nanoseconds = 0
    private var bytesPerSecondMin = 0
    /// How many bytes the peer had read when the window began.
    private var takenBefore = 0
    /// How many bytes the peer must read within the current window.
    private var required = 0

    package init() {}

    /// Begins the first window (the period of one check).
    ///
    /// Does nothing if a window has begun already, or if there is no minimum rate.
    ///
    /// - Parameters:
    ///   - taken: how many bytes the peer has read so far, counted from any fixed moment.
    ///   - waiting: how many bytes wait for the peer.
    ///   - window: the length of each window, in nanoseconds; more than 0.
    ///   - bytesPerSecondMin: the minimum rate in bytes per second; 0 for no limit.
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

    /// Whether the peer has read too few bytes in the window (the period of one check) that has just ended.
    ///
    /// If the peer has read enough bytes, the next window begins. The result is false before the end of a window, and
    /// if there is no window.
    package mutating func isTooSlow(taken: Int, waiting: Int, at now: Nanoseconds) -> Bool {
        guard windowEnd <= now else { return false }
        if waiting > 0, taken - takenBefore < required { return true }
        open(taken: taken, waiting: waiting, at: now)
        return false
    }

    /// The text for the log about a peer that was too slow: how many bytes it has read in the window, and how many were
    /// required.
    ///
    /// - Parameter taken: how many bytes the peer has read so far, counted from the same moment as in `begin`.
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
