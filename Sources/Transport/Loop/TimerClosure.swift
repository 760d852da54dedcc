// A timer target that calls a closure, for timers that are rarely set.

/// Calls a closure when the timer fires.
///
/// The loop's timers retain the object until the timer fires or is cancelled.
package final class TimerClosure: TimerTarget {
    private let body: () -> Void

    /// - Parameter body: called on the loop's thread.
    package init(_ body: @escaping () -> Void) { self.body = body }

    package func timerFired(_ kind: Int) { body() }
}
