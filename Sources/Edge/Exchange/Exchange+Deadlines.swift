// The timer of an exchange: it is armed for the earliest deadline, and handles those that have passed.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Exchange: TimerTarget {
    /// Makes the timer fire no later than the earliest deadline.
    ///
    /// A deadline that moves later needs no call: the timer fires at the old time, and is armed anew.
    func arm() {
        let due = deadlines.earliest
        guard due != .max, phase != .ended else { return }
        deadlines.timer.set(due, on: environment.loop, target: self, kind: 0)
    }

    /// Sets the deadline by which the client must have taken some of what waits for it (`client_stall`).
    func watchClient() {
        guard !stream.isClosed else { return }
        deadlines.clientStall = max(stream.lastMoved, now) + snapshot.limits.clientStall
        arm()
    }

    /// Handles all deadlines that have passed, and arms the timer for the next one.
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

    /// Sends a comment in the midst of an answer if nothing has been relayed for `keep_alive`.
    ///
    /// The time of the last relayed bytes is derived from the stall deadline, so that each token moves one deadline
    /// only. There is no comment while bytes wait for the client, nor inside an event that is relayed in pieces.
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

    /// The answer is late: another executor may be tried for a stream, but an answer of another kind has used up all
    /// its time.
    private func answerDeadlinePassed() {
        if record.wantsStream {
            attemptFailed(Failure(.firstEventTimeout))
        } else {
            attempt?.reportTimeout()
            handle(.deadlinePassed(.response))
        }
    }

    /// Cuts off the client; but if the client has taken bytes since the deadline was set, moves the deadline.
    private func clientStallPassed() {
        let due = stream.lastProgress + snapshot.limits.clientStall
        guard due <= now, stream.buffered > 0 || stream.isFinished else {
            deadlines.clientStall = max(due, now + 1_000_000_000)
            return
        }
        handle(.deadlinePassed(.clientStall))
    }
}
