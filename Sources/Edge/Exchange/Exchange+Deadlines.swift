// The deadlines of an exchange: many dues, one timer.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// When each deadline of an exchange is due; `.max` when it does not run.
struct Dues {
    var body: Nanoseconds = .max
    var queue: Nanoseconds = .max
    /// While the exchange waits: when the queue is looked at next.
    var pump: Nanoseconds = .max
    /// When a retry looks for room in the budget again.
    var retry: Nanoseconds = .max
    var answer: Nanoseconds = .max
    var commit: Nanoseconds = .max
    var keepAlive: Nanoseconds = .max
    var stall: Nanoseconds = .max
    var clientStall: Nanoseconds = .max
    /// The executor has time until then to end an answer that is complete.
    var drain: Nanoseconds = .max

    var earliest: Nanoseconds {
        min(
            min(min(body, answer), min(commit, keepAlive)),
            min(min(stall, clientStall), min(drain, min(queue, min(pump, retry))))
        )
    }
}

extension Exchange {
    /// Makes the timer fire no later than the earliest due.
    ///
    /// Dues that move later need no call: the timer follows.
    func arm() {
        let due = dues.earliest
        guard due != .max else { return }
        deadline.set(due, on: worker.loop, target: self, kind: 0)
    }

    /// The client is to take what waits for it within `client_stall`.
    func watchClient() {
        guard !stream.isClosed else { return }
        dues.clientStall = max(stream.lastMoved, now) + snapshot.limits.clientStall
        arm()
    }

    func timerFired(_ kind: Int) {
        guard deadline.fired(on: worker.loop, target: self, kind: kind) else { return }
        if dues.drain <= now {
            dues.drain = .max
            abortAttempt()
        }
        pass(\.body, .body)
        queueDeadlinesPassed()
        retryDeadlinePassed()
        answerDeadlinePassed()
        pass(\.commit, .commit)
        pass(\.keepAlive, .keepAlive)
        stallDeadlinePassed()
        clientStallPassed()
        if machine.phase != .ended || attempt != nil { arm() } else { deadline.cancel(on: worker.loop) }
    }

    private func pass(_ due: WritableKeyPath<Dues, Nanoseconds>, _ kind: ExchangeMachine.DeadlineKind) {
        guard dues[keyPath: due] <= now else { return }
        dues[keyPath: due] = .max
        handle(.deadlinePassed(kind))
    }

    /// A stream that does not begin may begin elsewhere; an answer of another kind has had all the time there is.
    private func answerDeadlinePassed() {
        guard dues.answer <= now else { return }
        dues.answer = .max
        if record.isStream {
            attemptBroke(Failure(.firstEventTimeout))
        } else {
            routing?.report(.fault(.timeout), at: now)
            handle(.deadlinePassed(.response))
        }
    }

    private func stallDeadlinePassed() {
        guard dues.stall <= now else { return }
        dues.stall = .max
        if machine.phase == .relay { routing?.reportStall(at: now) }
        handle(.deadlinePassed(.stall))
    }

    /// Progress since the deadline was set moves it on.
    private func clientStallPassed() {
        guard dues.clientStall <= now else { return }
        let due = stream.lastProgress + snapshot.limits.clientStall
        guard due <= now, stream.buffered > 0 || stream.isFinished else {
            dues.clientStall = max(due, now + 1_000_000_000)
            return
        }
        dues.clientStall = .max
        handle(.deadlinePassed(.clientStall))
    }
}
