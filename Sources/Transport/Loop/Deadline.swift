// A deadline that is moved often but rarely passes, made of one timer of an event loop. Confined to the loop's thread.

/// A time limit that its owner can move at little cost.
///
/// Moving the deadline to a later time only stores that time. The timer is not moved. If the timer fires before the
/// deadline, the timer is scheduled again.
package struct Deadline {
    private var due: Nanoseconds = .max
    private var timer: TimerID?
    private var timerDue: Nanoseconds = .max

    package init() {}

    /// Whether a deadline is set.
    package var isSet: Bool { due != .max }

    /// Sets or moves the deadline.
    ///
    /// All calls must pass the same `target` and `kind`.
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

    /// Removes the deadline but not its timer.
    ///
    /// The timer may still fire once; `fired` then returns false.
    package mutating func clear() { due = .max }

    /// Removes the deadline and its timer.
    ///
    /// Call it when `target` is no longer needed, because a remaining timer would keep `target` alive.
    package mutating func cancel(on loop: EventLoop) {
        if let timer { loop.timers.cancel(timer) }
        timer = nil
        timerDue = .max
        due = .max
    }

    /// Handles the firing of the timer.
    ///
    /// The target must call `fired` from `timerFired`.
    ///
    /// - Returns: true if the deadline has passed, and the deadline is then removed; otherwise false. If the deadline
    ///   is still to come, the timer is scheduled again.
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
