// A deadline that is moved far more often than it is met, over one timer of a loop. Confined to the loop.

/// A deadline that moves often and is met seldom: moving it later costs one store, and its timer catches up when due.
package struct Deadline {
    private var due: Nanoseconds = .max
    private var timer: TimerID?
    private var timerDue: Nanoseconds = .max

    package init() {}

    package var isSet: Bool { due != .max }

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

    /// Forgets the deadline; a timer that still runs will find nothing due.
    package mutating func clear() { due = .max }

    /// Ends it with its timer: to be called before the target goes.
    package mutating func cancel(on loop: EventLoop) {
        if let timer { loop.timers.cancel(timer) }
        timer = nil
        timerDue = .max
        due = .max
    }

    /// To be called when the timer fires.
    ///
    /// True when the deadline has passed; else the timer follows it.
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
