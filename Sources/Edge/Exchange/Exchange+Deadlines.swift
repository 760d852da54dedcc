// The timer of an exchange: arms it for the earliest deadline, and handles the deadlines that have passed.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Exchange: TimerTarget {
    /// Makes the timer fire no later than the earliest deadline.
    ///
    /// No call is needed when a deadline moves to a later time, because the timer fires at the old time and is then
    /// armed again.
    func arm() {
        guard phase != .ended else { return }
        deadlines.arm(for: self, on: environment.loop)
    }

    /// The minimum time over which a client's reading pace is measured, in nanoseconds.
    private static let readPaceWindowMin: Nanoseconds = 60_000_000_000

    /// Sets the deadline at which the exchange checks whether the client reads (`client_stall`), and reads fast enough
    /// (`limits.read_pace`).
    func watchClient() {
        guard !stream.isClosed else { return }
        let clientStall = snapshot.limits.clientStall
        let waiting = stream.buffered
        deadlines.watchClient(
            taken: stream.bytesSent - waiting,
            waiting: waiting,
            due: max(stream.lastMoved, now) + clientStall,
            window: max(Self.readPaceWindowMin, clientStall),
            bytesPerSecondMin: snapshot.limits.readPace,
            at: now
        )
        arm()
    }

    /// How many bytes of the response the client has taken.
    ///
    /// On HTTP/1.1 `stream.buffered` includes framing and `stream.bytesSent` does not, so the number may be slightly
    /// too small.
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

    /// Handles the deadline `keepAlive`: sends keep-alive bytes if nothing has been relayed for `keep_alive`.
    ///
    /// During the relay no keep-alive bytes are sent while bytes wait for the client, nor inside an event that is
    /// relayed in pieces.
    ///
    /// During the relay this deadline is not moved with each token, because that would cost too much. When it passes,
    /// this function computes when bytes were last relayed, and waits for the rest of `keep_alive`.
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
    /// If the request asks for a stream, the exchange may try another executor. For any other request the exchange
    /// fails, because the time for all attempts together is used up.
    private func answerDeadlinePassed() {
        if record.wantsStream {
            attemptFailed(Failure(.firstEventTimeout))
        } else {
            attempt?.reportTimeout()
            handle(.deadlinePassed(.response))
        }
    }

    /// Cuts off a client that reads too slowly although bytes wait for it; otherwise sets the deadline again.
    ///
    /// A client is too slow if it has read nothing for `client_stall`, or more slowly than `limits.read_pace`. Once the
    /// whole response has been passed to the stream, `client_stall` applies even if no bytes wait there.
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
