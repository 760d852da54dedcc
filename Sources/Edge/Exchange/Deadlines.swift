// The deadlines of an exchange, which share one timer.
internal import Transport

/// When each deadline of an exchange is due, in the loop's nanoseconds; `.max` while it is not set.
///
/// A deadline that moves later costs one store, since the timer is armed anew when it fires. Code that sets a deadline
/// which may be earlier than all others calls `Exchange.arm`.
struct Deadlines {
    /// When the next piece of the request body must have arrived (`timeouts.body`).
    var body: Nanoseconds = .max
    /// When the exchange must have left the queue (`admission.max_wait`).
    var queue: Nanoseconds = .max
    /// When the pool checks its queue next, since pauses of executors end without an event.
    var pump: Nanoseconds = .max
    /// When the exchange next asks the retry budget for room.
    var retry: Nanoseconds = .max
    /// When the first event of a stream, or the whole answer of another kind, must have arrived.
    var answer: Nanoseconds = .max
    /// When a head with status 200 is sent if the executor has not answered by then (`commit_after`).
    var commit: Nanoseconds = .max
    /// When the next keep-alive comment is due (`keep_alive`).
    var keepAlive: Nanoseconds = .max
    /// When the next event of the relayed answer must have arrived (`timeouts.stall`).
    var stall: Nanoseconds = .max
    /// `timeouts.stall` of the model whose answer is relayed, in nanoseconds.
    private var stallTime: Nanoseconds = 0
    /// When the client must have taken some of the bytes that wait for it (`timeouts.client_stall`).
    var clientStall: Nanoseconds = .max
    /// The one timer, which fires no later than the earliest of the deadlines.
    var timer = Deadline()

    var earliest: Nanoseconds {
        min(
            min(min(body, answer), min(commit, keepAlive)),
            min(min(stall, clientStall), min(queue, min(pump, retry)))
        )
    }

    /// Starts the stall deadline when the relay of an answer begins.
    mutating func beginRelay(stall time: Nanoseconds, at now: Nanoseconds) {
        stallTime = time
        stall = now + time
    }

    /// Restarts the stall deadline after bytes have been relayed, or stops it while the executor is paused.
    mutating func relayed(isPaused: Bool, at now: Nanoseconds) { stall = isPaused ? .max : now + stallTime }

    /// When bytes were relayed last; nil while the executor is paused, and before the first.
    var lastRelayed: Nanoseconds? { stall == .max ? nil : stall - stallTime }

    /// Clears all deadlines; the timer may still fire, and then finds none that has passed.
    mutating func clear() {
        let (timer, stallTime) = (timer, stallTime)
        self = Deadlines()
        self.timer = timer
        self.stallTime = stallTime
    }

    /// Clears the deadlines of waiting.
    mutating func clearWaiting() {
        queue = .max
        pump = .max
        retry = .max
    }

    /// Returns whether the deadline has passed, and clears it if so.
    mutating func take(_ deadline: WritableKeyPath<Deadlines, Nanoseconds>, at now: Nanoseconds) -> Bool {
        guard self[keyPath: deadline] <= now else { return false }
        self[keyPath: deadline] = .max
        return true
    }
}
