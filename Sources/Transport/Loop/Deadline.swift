// A deadline that is moved far more often than it is met, over one timer of a loop. Confined to the loop.

/// A point in time by which something must have happened.
///
/// Moving it later costs one store: its timer stays where it is, and is scheduled anew when it fires too early.
package struct Deadline {
    private var due: Nanoseconds = .max
    private var timer: TimerID?
    private var timerDue: Nanoseconds = .max

    package init() {}

    /// Whether there is a deadline.
    package var isSet: Bool { due != .max }

    /// Sets or moves the deadline; every call must have the same target and kind.
    package mutating func set(
        _ due: Nanoseconds,
        on loop: EventLoop,
        target: any TimerTarget,
        kind: Int
    ) {
        self.due = due
        guard due < timerDue else { return }
        if let timer { loop.timers.cancel(timer) }
        timer = loop.timers.schedule(at: due, target: target, kind: kind)
        timerDue = due
    }

    /// Removes the deadline.
    ///
    /// Its timer may still fire once; `fired` then returns false.
    package mutating func clear() { due = .max }

    /// Removes the deadline and its timer, which would keep the target alive.
    package mutating func cancel(on loop: EventLoop) {
        if let timer { loop.timers.cancel(timer) }
        timer = nil
        timerDue = .max
        due = .max
    }

    /// Handles the firing of the timer; the target calls it from `timerFired`.
    ///
    /// - Returns: whether the deadline has passed; otherwise the timer is scheduled anew.
    package mutating func fired(on loop: EventLoop, target: any TimerTarget, kind: Int) -> Bool {
        timer = nil
        timerDue = .max
        guard due != .max else { return false }
        if due <= loop.now {
            due = .max
            return true
        }
        set(due, on: loop, target: target, kind: kind)
        return false
    }
}
