// Checks whether a peer reads its waiting bytes fast enough.

/// Checks, at the end of each window of time, whether a peer has read at the lowest rate or faster.
///
/// Only the bytes that wait at the beginning of a window count. By the end of the window, the peer must have taken all
/// of them, or as many as the lowest rate demands for one window. So a peer is never too slow only because the sender
/// produces little. A peer that takes a byte from time to time does not extend the window. The owner calls `isTooSlow`
/// from a timer, so that a write costs no extra work.
package struct ReadPace: Equatable, Sendable {
    /// When the current window ends; `.max` before `begin`, and if there is no lowest rate.
    package private(set) var windowEnd: Nanoseconds = .max
    private var window: Nanoseconds = 0
    private var bytesPerSecondMin = 0
    /// How many bytes the peer had taken when the window began.
    private var takenBefore = 0
    /// How many bytes the peer has to take within the window.
    private var required = 0

    package init() {}

    /// Begins the first window; does nothing if a window is under way, or if there is no lowest rate.
    ///
    /// - Parameters:
    ///   - taken: how many bytes the peer has taken so far, counted from any fixed point.
    ///   - waiting: how many bytes wait for the peer.
    ///   - window: the length of each window, in nanoseconds; more than 0.
    ///   - bytesPerSecondMin: the lowest rate in bytes per second; 0 for no limit.
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

    /// Whether the peer took too few bytes in the window that has just ended.
    ///
    /// If the peer took enough bytes, the next window begins. The result is false while the window is still under way,
    /// and if there is no window.
    package mutating func isTooSlow(taken: Int, waiting: Int, at now: Nanoseconds) -> Bool {
        guard windowEnd <= now else { return false }
        if waiting > 0, taken - takenBefore < required { return true }
        open(taken: taken, waiting: waiting, at: now)
        return false
    }

    /// A text for the log about a peer that was too slow: how many bytes it took, and how many were required.
    ///
    /// - Parameter taken: how many bytes the peer has taken so far, as in `isTooSlow`.
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
