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
        if deadlines.take(\.keepAlive, at: now) { keepAlivePassed() }
        if deadlines.take(\.stall, at: now) {
            if phase == .relay { attempt?.reportTimeout() }
            handle(.deadlinePassed(.stall))
        }
        if deadlines.take(\.clientStall, at: now) { clientStallPassed() }
        arm()
    }

    /// In the midst of an answer a comment follows each `keep_alive` in which nothing has been relayed.
    ///
    /// The last relayed bytes are known by the stall deadline, so that a token does not move this one too. There is no
    /// comment while the client has still to take what it was sent, nor inside an event that passes in pieces.
    private func keepAlivePassed() {
        guard phase == .relay else {
            handle(.deadlinePassed(.keepAlive))
            return
        }
        let interval = snapshot.limits.keepAlive
        let quietSince = deadlines.lastRelayed ?? now
        if quietSince + interval > now {
            deadlines.keepAlive = quietSince + interval
        } else if stream.buffered > 0 || attempt?.isInsideEvent != false {
            deadlines.keepAlive = now + interval
        } else {
            handle(.deadlinePassed(.keepAlive))
        }
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
