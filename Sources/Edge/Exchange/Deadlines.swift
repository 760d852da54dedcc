// The deadlines of an exchange: many moments, one timer.
internal import Transport

/// When each deadline of an exchange is due, in the loop's nanoseconds; `.max` while it does not run.
///
/// A deadline that moves later costs one store: the timer follows when it fires. Whoever sets one that may be earlier
/// than all others calls `Exchange.arm`.
struct Deadlines {
    /// The next piece of the request body (`timeouts.body`).
    var body: Nanoseconds = .max
    /// The end of waiting in a queue (`admission.max_wait`).
    var queue: Nanoseconds = .max
    /// The next look at the queue, since pauses of executors end by themselves.
    var pump: Nanoseconds = .max
    /// The next look for room in the retry budget.
    var retry: Nanoseconds = .max
    /// The first event of a stream, or the whole of another answer.
    var answer: Nanoseconds = .max
    /// The commit with 200 while the executor is silent (`commit_after`).
    var commit: Nanoseconds = .max
    /// The next comment (`keep_alive`).
    var keepAlive: Nanoseconds = .max
    /// The next event of the relayed answer (`timeouts.stall`).
    var stall: Nanoseconds = .max
    /// `timeouts.stall` of the model whose answer is relayed, in nanoseconds.
    private var stallTime: Nanoseconds = 0
    /// The client takes some of what waits for it (`timeouts.client_stall`).
    var clientStall: Nanoseconds = .max
    /// The one timer, which fires no later than the earliest of them.
    var timer = Deadline()

    var earliest: Nanoseconds {
        min(
            min(min(body, answer), min(commit, keepAlive)),
            min(min(stall, clientStall), min(queue, min(pump, retry)))
        )
    }

    /// An answer is relayed from now on.
    mutating func beginRelay(stall time: Nanoseconds, at now: Nanoseconds) {
        stallTime = time
        stall = now + time
    }

    /// A part of the answer has been relayed; while its executor is paused nothing is awaited of it.
    mutating func relayed(isPaused: Bool, at now: Nanoseconds) { stall = isPaused ? .max : now + stallTime }

    /// When bytes were relayed last; nil while the executor is paused, and before the first.
    var lastRelayed: Nanoseconds? { stall == .max ? nil : stall - stallTime }

    /// All of them end; the timer may still fire and finds nothing due.
    mutating func clear() {
        let (timer, stallTime) = (timer, stallTime)
        self = Deadlines()
        self.timer = timer
        self.stallTime = stallTime
    }

    /// The exchange waits no more.
    mutating func clearWaiting() {
        queue = .max
        pump = .max
        retry = .max
    }

    /// Whether the deadline is due; one that is due ends with the question.
    mutating func take(_ deadline: WritableKeyPath<Deadlines, Nanoseconds>, at now: Nanoseconds) -> Bool {
        guard self[keyPath: deadline] <= now else { return false }
        self[keyPath: deadline] = .max
        return true
    }
}
