// How long an exchange has waited for executors: in queues, and until the retry budget allowed a retry.
internal import Transport

/// The sum of all waits of one exchange; moments are on the event loop's clock, durations in nanoseconds.
struct ExecutorWait: Equatable, Sendable {
    /// When the first wait began, 0 if the exchange has never waited.
    private(set) var began: Nanoseconds = 0
    /// When the current wait began; nil while the exchange does not wait.
    private var since: Nanoseconds?
    /// The total duration of the waits that have ended.
    private var before: Nanoseconds = 0

    var isUnderWay: Bool { since != nil }

    /// The duration of all waits up to `now`.
    func total(at now: Nanoseconds) -> Nanoseconds { before + (since.map { now &- $0 } ?? 0) }

    /// Begins a wait; does nothing if a wait is under way.
    mutating func begin(at now: Nanoseconds) {
        guard since == nil else { return }
        since = now
        if began == 0 { began = now }
    }

    /// Ends the current wait; does nothing if no wait is under way.
    mutating func end(at now: Nanoseconds) {
        before = total(at: now)
        since = nil
    }
}
