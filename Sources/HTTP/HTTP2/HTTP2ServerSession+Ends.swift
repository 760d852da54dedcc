// How an HTTP/2 connection ends: the client leaves or is at fault, a deadline passes, or the server ends its
// connections.
internal import CNghttp2
internal import Transport

extension HTTP2ServerSession {
    // MARK: The connection is gone

    func ended(_ end: ClientEnd) {
        ending.isEnded = true
        let all = streams
        streams = [:]
        refusedStreams = 0
        forgetRecent()
        receiving = nil
        dropPutOff()
        deadlines.resets = []
        outbox.streamsToReset = []
        for stream in all.values.sorted(by: { $0.id < $1.id }) {
            stream.isClosed = true
            stream.bytesLost = stream.output.count
            let handler = stream.handler
            stream.handler = nil
            stream.letGoOfMemory()
            if stream.isEndSent { handler?.responseFinished() } else { handler?.clientLeft(end) }
        }
    }

    // MARK: The client is at fault

    /// Ends the connection because of a fault of the client; no more frames are read.
    ///
    /// A GOAWAY is sent when the event loop next writes output.
    func fail(_ fault: HTTP2Fault) {
        guard !ending.isFatal else { return }
        ending.fault = fault
        end(fault.code, saying: fault.words)
    }

    /// Ends the connection with a GOAWAY that has this code.
    ///
    /// The GOAWAY is sent when the event loop next writes output.
    private func end(_ code: nghttp2_error_code, saying words: StaticString? = nil) {
        guard !ending.isFatal else { return }
        ending.isFatal = true
        if let words {
            submitGoAway(code, saying: words)
        } else {
            unsafe nghttp2_session_terminate_session(session, code.rawValue)
        }
        channel.mark()
    }

    /// Ends the connection once its open streams have ended, because too many of its requests had to be refused.
    ///
    /// The GOAWAY is sent when the event loop next writes output. Streams that the client opens later are ignored; they
    /// count as control frames, whose number is limited.
    func takeNoMoreRequests() {
        guard !ending.isFatal, !ending.isGoingAway else { return }
        ending.fault = .refusals
        ending.isGoingAway = true
        submitGoAway(HTTP2Fault.refusals.code, saying: HTTP2Fault.refusals.words)
        channel.mark()
    }

    private func submitGoAway(_ code: nghttp2_error_code, saying words: StaticString? = nil) {
        unsafe nghttp2_submit_goaway(
            session,
            UInt8(NGHTTP2_FLAG_NONE.rawValue),
            nghttp2_session_get_last_proc_stream_id(session),
            code.rawValue,
            words?.utf8Start,
            words?.utf8CodeUnitCount ?? 0
        )
    }

    // MARK: The server drains

    /// Ends the connection gracefully: a first GOAWAY only announces the end (RFC 9113 section 6.8).
    ///
    /// If the server ends, this GOAWAY is sent at once. After a hand-over to a successor process, it is sent when no
    /// stream is open. A connection without any stream so far then waits for its first stream, because a client that
    /// gets a GOAWAY before its first response may give up.
    func drain(_ drain: ConnectionDrain) {
        guard drain == .handedOver else { return announceEnd() }
        ending.isHandedOver = true
        if streams.isEmpty, !history.isNew(1) { announceEnd() }
    }

    /// Sends a first GOAWAY, which only announces the end, and the final GOAWAY after `finalGoawayDelay`.
    ///
    /// Does nothing if the first GOAWAY has been sent already.
    func announceEnd() {
        guard !ending.isDraining else { return }
        ending.isDraining = true
        deadlines.shutdownNotice = .max
        unsafe nghttp2_submit_shutdown_notice(session)
        deadlines.finalGoaway = now + Self.finalGoawayDelay
        armDeadline()
        channel.mark()
    }

    /// Sends a first GOAWAY, which only announces the end, after `shutdownNoticeDelay`, or earlier if all streams end.
    func announceEndSoon() {
        guard !ending.isDraining, deadlines.shutdownNotice == .max else { return }
        deadlines.shutdownNotice = now + Self.shutdownNoticeDelay
        armDeadline()
    }

    private func goAway() {
        deadlines.finalGoaway = .max
        ending.isFinalGoAwayDue = true
        channel.mark()
    }

    /// Submits the final GOAWAY to nghttp2, when the event loop is about to write this connection's output.
    func submitFinalGoAway() {
        ending.isFinalGoAwayDue = false
        guard !ending.isGoingAway, !ending.isFatal else { return }
        ending.isGoingAway = true
        submitGoAway(NGHTTP2_NO_ERROR)
    }

    // MARK: Deadlines

    /// Sets the idle deadline, because the connection has no streams.
    func idleBegins() {
        deadlines.idle = now + connection.settings.idleTimeout
        armDeadline()
    }

    /// Sets the connection's timer to the earliest deadline, or clears it if there is no deadline.
    func armDeadline() {
        let due = deadlines.next
        if due != .max { connection.setDeadline(due) } else { connection.clearDeadline() }
    }

    func deadlinePassed() {
        if deadlines.settings <= now { fail(.settings) }
        if deadlines.headers <= now { fail(.slowHead) }
        if deadlines.shutdownNotice <= now { announceEnd() }
        if deadlines.finalGoaway <= now { goAway() }
        if deadlines.idle <= now { end(NGHTTP2_NO_ERROR) }
        for entry in deadlines.resets where entry.due <= now { reset(entry.stream) }
        deadlines.resets.removeAll { $0.due <= now }
        if !ending.isFatal { armDeadline() }
    }
}
