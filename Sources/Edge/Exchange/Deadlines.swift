// The deadlines of an exchange, which share one timer.
internal import Transport

/// When each deadline of an exchange is due, in nanoseconds of the event loop's clock; `.max` while it is not set.
///
/// Moving a deadline to a later time is cheap, because the timer is not changed: the timer fires at the old time, and
/// is then armed for the new time. Code that sets a deadline must call `Exchange.arm` if the deadline may be earlier
/// than all others.
struct Deadlines {
    /// When the next piece of the request body must have arrived (`timeouts.body`).
    ///
    /// While the body waits for memory, this is the time at which the exchange tries again to charge memory for it.
    var body: Nanoseconds = .max
    /// When the exchange must have left the queue (`admission.max_wait`).
    var queue: Nanoseconds = .max
    /// When the waiting exchange next makes the pool of executors serve its queue.
    ///
    /// The queue is checked by time, because no event reports that an executor which was out of use for a while may be
    /// used again.
    var pump: Nanoseconds = .max
    /// When the exchange next asks whether the retry budget, a limit on all retries of the process, allows another
    /// attempt.
    var retry: Nanoseconds = .max
    /// When the first event of a stream, or the whole of an answer that is not a stream, must have arrived.
    ///
    /// If an answer that is not a stream is so large that the edge sends it on in parts, only its beginning must have
    /// arrived by then.
    var answer: Nanoseconds = .max
    /// When the client is sent a head with status 200 although the executor has not answered (`commit_after`).
    var commit: Nanoseconds = .max
    /// When the next keep-alive bytes are due (`keep_alive`).
    var keepAlive: Nanoseconds = .max
    /// When the next event of the relayed answer must have arrived (`timeouts.stall`).
    var stall: Nanoseconds = .max
    /// `timeouts.stall` of the model whose answer is relayed, in nanoseconds.
    private var stallTime: Nanoseconds = 0
    /// When the client must have read some of the bytes that wait for it (`timeouts.client_stall`).
    var clientStall: Nanoseconds = .max
    /// Judges whether the client reads the response fast enough (`limits.read_pace`), from the first call of
    /// `watchClient` on.
    var readPace = ReadPace()
    /// The timer of all deadlines; it fires no later than the earliest deadline.
    var timer = Deadline()

    /// Makes the timer fire no later than the earliest deadline.
    mutating func arm(for target: any TimerTarget, on loop: EventLoop) {
        let due = earliest
        if due != .max { timer.set(due, on: loop, target: target, kind: 0) }
    }

    var earliest: Nanoseconds {
        min(
            min(min(body, answer), min(commit, keepAlive)),
            min(min(stall, clientStall), min(queue, min(pump, retry)))
        )
    }

    /// Sets the deadline `clientStall`, at which the exchange checks whether the client reads, and reads fast enough.
    ///
    /// - Parameters:
    ///   - taken: How many bytes of the response the client has read so far.
    ///   - waiting: How many bytes of the response are buffered because the client has not read them yet.
    ///   - due: The time by which the client must have read some bytes.
    ///   - window: The length of the period over which the client's pace is measured, in nanoseconds.
    ///   - bytesPerSecondMin: The lowest pace that is allowed; 0 for no limit.
    mutating func watchClient(
        taken: Int,
        waiting: Int,
        due: Nanoseconds,
        window: Nanoseconds,
        bytesPerSecondMin: Int,
        at now: Nanoseconds
    ) {
        readPace.begin(
            taken: taken,
            waiting: waiting,
            window: window,
            bytesPerSecondMin: bytesPerSecondMin,
            at: now
        )
        clientStall = min(due, readPace.windowEnd)
    }

    /// Starts the deadline for the executor's next event when the exchange begins to send an answer on to the client.
    mutating func beginRelay(stall time: Nanoseconds, at now: Nanoseconds) {
        stallTime = time
        stall = now + time
    }

    /// Restarts the deadline by which the executor must send its next event.
    ///
    /// The exchange calls this when it has sent bytes on to the client, or when it resumes reading from the executor.
    ///
    /// If reading from the executor is paused, the function clears the deadline instead.
    mutating func relayed(isPaused: Bool, at now: Nanoseconds) { stall = isPaused ? .max : now + stallTime }

    /// When bytes of the answer were last sent on to the client, or when reading from the executor was last resumed.
    ///
    /// Until the first bytes are sent on, it is the time at which the exchange began to relay the answer. Nil before
    /// that time, and while reading from the executor is paused.
    var lastRelayed: Nanoseconds? { stall == .max ? nil : stall - stallTime }

    /// Clears all deadlines, but continues to judge how fast the client reads.
    ///
    /// The timer may still fire, but then finds no deadline that has passed.
    mutating func clear() {
        let (timer, stallTime, readPace) = (timer, stallTime, readPace)
        self = Deadlines()
        self.timer = timer
        self.stallTime = stallTime
        self.readPace = readPace
    }

    /// Clears the deadlines that apply while the exchange waits for an executor.
    mutating func clearWaiting() {
        queue = .max
        pump = .max
        retry = .max
    }

    /// Returns whether the deadline has passed, and clears a deadline that has passed.
    mutating func take(_ deadline: WritableKeyPath<Deadlines, Nanoseconds>, at now: Nanoseconds) -> Bool {
        guard self[keyPath: deadline] <= now else { return false }
        self[keyPath: deadline] = .max
        return true
    }
}
