// How long an exchange has waited for executors: in queues, for the retry budget to allow a retry, and for a model to
// be loaded.
internal import Transport

/// The sum of all waits of one exchange; moments are on the event loop's clock, durations in nanoseconds.
struct ExecutorWait: Equatable, Sendable {
    /// When the first wait began, 0 if the exchange has never waited.
    private(set) var began: Nanoseconds = 0
    /// When the current wait began; nil while the exchange does not wait.
    private var since: Nanoseconds?
    /// The total duration of the waits that have ended.
    private var before: Nanoseconds = 0
    /// The total duration of those ended waits in which the exchange waited for a model to be loaded.
    private var beforeForLoad: Nanoseconds = 0
    /// Whether the current wait is for a model that is being loaded.
    private var isForLoad = false

    var isUnderWay: Bool { since != nil }

    /// How long the exchange has waited for executors in all, up to `now`.
    func total(at now: Nanoseconds) -> Nanoseconds { before + (since.map { now &- $0 } ?? 0) }

    /// How long the exchange has waited for a model to be loaded, up to `now`; `total` includes this time.
    func totalForLoad(at now: Nanoseconds) -> Nanoseconds {
        beforeForLoad + (isForLoad ? since.map { now &- $0 } ?? 0 : 0)
    }

    /// Begins a wait; does nothing if the exchange already waits for the same thing.
    ///
    /// - Parameter isForLoad: whether the exchange waits until a model is loaded, rather than for a free executor or
    ///   the retry budget.
    mutating func begin(forLoad isForLoad: Bool = false, at now: Nanoseconds) {
        if since != nil, isForLoad != self.isForLoad { end(at: now) }
        guard since == nil else { return }
        since = now
        self.isForLoad = isForLoad
        if began == 0 { began = now }
    }

    /// Ends the current wait; does nothing if no wait is under way.
    mutating func end(at now: Nanoseconds) {
        beforeForLoad = totalForLoad(at: now)
        before = total(at: now)
        since = nil
    }
}
