// A timer's target that is a closure, for timers that are set seldom.

/// Calls a closure when the timer fires.
///
/// The loop's timers hold it until then.
package final class TimerClosure: TimerTarget {
    private let body: () -> Void

    /// - Parameter body: called on the thread of the loop.
    package init(_ body: @escaping () -> Void) { self.body = body }

    package func timerFired(_ kind: Int) { body() }
}
