// The timer of an exchange: it is armed for the earliest deadline, and handles those that have passed.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Exchange: TimerTarget {
    /// Makes the timer fire no later than the earliest deadline.
    ///
    /// Deadlines that move later need no call: the timer follows.
    func arm() {
        let due = deadlines.earliest
        guard due != .max, phase != .ended else { return }
        deadlines.timer.set(due, on: environment.loop, target: self, kind: 0)
    }

    /// The client is to take what waits for it within `client_stall`.
    func watchClient() {
        guard !stream.isClosed else { return }
        deadlines.clientStall = max(stream.lastMoved, now) + snapshot.limits.clientStall
        arm()
    }

    func timerFired(_ kind: Int) {
        guard deadlines.timer.fired(on: environment.loop, target: self, kind: kind) else { return }
        if deadlines.take(\.body, at: now) { handle(.deadlinePassed(.body)) }
        waitingDeadlinesPassed()
        if deadlines.take(\.answer, at: now) { answerDeadlinePassed() }
        if deadlines.take(\.commit, at: now) { handle(.deadlinePassed(.commit)) }
        if deadlines.take(\.keepAlive, at: now) { handle(.deadlinePassed(.keepAlive)) }
        if deadlines.take(\.stall, at: now) {
            if phase == .relay { attempt?.reportTimeout() }
            handle(.deadlinePassed(.stall))
        }
        if deadlines.take(\.clientStall, at: now) { clientStallPassed() }
        arm()
    }

    /// A stream that does not begin may begin elsewhere; an answer of another kind has had all the time there is.
    private func answerDeadlinePassed() {
        if record.wantsStream {
            attemptFailed(Failure(.firstEventTimeout))
        } else {
            attempt?.reportTimeout()
            handle(.deadlinePassed(.response))
        }
    }

    /// Progress since the deadline was set moves it on.
    private func clientStallPassed() {
        let due = stream.lastProgress + snapshot.limits.clientStall
        guard due <= now, stream.buffered > 0 || stream.isFinished else {
            deadlines.clientStall = max(due, now + 1_000_000_000)
            return
        }
        handle(.deadlinePassed(.clientStall))
    }
}
