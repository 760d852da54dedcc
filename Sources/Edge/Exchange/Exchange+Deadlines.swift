// The timer of an exchange: arms it for the earliest deadline, and handles the deadlines that have passed.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Exchange: TimerTarget {
    /// Makes the timer fire no later than the earliest deadline.
    ///
    /// No call is needed when a deadline moves later, because the timer fires at the old time and is then armed again.
    func arm() {
        let due = deadlines.earliest
        guard due != .max, phase != .ended else { return }
        deadlines.timer.set(due, on: environment.loop, target: self, kind: 0)
    }

    /// The least time over which the pace of a client that reads is judged, in nanoseconds.
    private static let readPaceWindowMin: Nanoseconds = 60_000_000_000

    /// Sets the deadline by which the client must have read some of the bytes that wait for it (`client_stall`), and
    /// enough of them (`limits.read_pace`).
    func watchClient() {
        guard !stream.isClosed else { return }
        let limits = snapshot.limits
        deadlines.readPace.begin(
            taken: bytesTaken,
            waiting: stream.buffered,
            window: max(Self.readPaceWindowMin, limits.clientStall),
            bytesPerSecondMin: limits.readPace,
            at: now
        )
        deadlines.clientStall = min(max(stream.lastMoved, now) + limits.clientStall, deadlines.readPace.windowEnd)
        arm()
    }

    /// How many bytes of the response the client has taken.
    ///
    /// On HTTP/1.1 the framing of the bytes that wait is subtracted too, so the number may be slightly too small.
    private var bytesTaken: Int { stream.bytesSent - stream.buffered }

    /// Handles all deadlines that have passed, and arms the timer for the next one.
    func timerFired(_ kind: Int) {
        guard deadlines.timer.fired(on: environment.loop, target: self, kind: kind) else { return }
        if deadlines.take(\.body, at: now) { bodyDeadlinePassed() }
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

    /// Sends a comment if nothing has been relayed for `keep_alive`.
    ///
    /// During the relay no comment is sent while bytes wait for the client, nor inside an event that is relayed in
    /// pieces. The time of the last relayed bytes is computed from the stall deadline, so that each relayed token moves
    /// only one deadline.
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

    /// Handles an answer that has not arrived by the deadline `answer`.
    ///
    /// For a stream another executor may be tried. An answer that is not a stream has used up the time of all attempts,
    /// so the exchange fails.
    private func answerDeadlinePassed() {
        if record.wantsStream {
            attemptFailed(Failure(.firstEventTimeout))
        } else {
            attempt?.reportTimeout()
            handle(.deadlinePassed(.response))
        }
    }

    /// Cuts off a client that has read nothing for `client_stall`, or less than `limits.read_pace` asks for, although
    /// bytes wait for it; otherwise sets the deadline again.
    private func clientStallPassed() {
        let due = stream.lastProgress + snapshot.limits.clientStall
        if due <= now, stream.buffered > 0 || stream.isFinished {
            handle(.deadlinePassed(.clientStall))
        } else if deadlines.readPace.isTooSlow(taken: bytesTaken, waiting: stream.buffered, at: now) {
            cutSlowClient()
        } else {
            deadlines.clientStall = min(max(due, now + 1_000_000_000), deadlines.readPace.windowEnd)
        }
    }

    /// Cuts off a client that reads too slowly.
    private func cutSlowClient() {
        guard phase == .relay || phase == .finishing else { return }
        var failure = Failure(.clientStalled)
        failure.detail = deadlines.readPace.description(taken: bytesTaken)
        record.bytesLost = stream.buffered
        stream.abort()
        handle(.clientCut(failure))
    }
}
