// How an HTTP/2 connection ends: its client leaves or is at fault, a deadline passes, or the server drains.
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
        incoming.receiving = nil
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

    /// Ends the connection for a fault of the client, with a GOAWAY in this turn's flush.
    ///
    /// No frame is read after it.
    func fail(_ fault: HTTP2Fault) {
        guard !ending.isFatal else { return }
        ending.fault = fault
        end(fault.code, saying: fault.words)
    }

    /// Ends the connection with a GOAWAY of this code in this turn's flush.
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

    /// Ends gracefully: a notice first, and the final GOAWAY when the client has had time to see the notice.
    func drain() {
        guard !ending.isDraining else { return }
        ending.isDraining = true
        unsafe nghttp2_submit_shutdown_notice(session)
        deadlines.notice = now + Self.noticePeriod
        armDeadline()
        channel.mark()
    }

    private func goAway() {
        deadlines.notice = .max
        ending.isGoingAway = true
        submitGoAway(NGHTTP2_NO_ERROR)
        channel.mark()
    }

    // MARK: Deadlines

    /// The last stream has ended, or none has begun yet.
    func idleBegins() {
        deadlines.idle = now + connection.settings.idleTimeout
        armDeadline()
    }

    /// Sets the connection's timer to the earliest deadline.
    func armDeadline() {
        let due = deadlines.next
        if due != .max { connection.setDeadline(due) } else { connection.clearDeadline() }
    }

    func deadlinePassed() {
        if deadlines.settings <= now { fail(.settings) }
        if deadlines.headers <= now { fail(.slowHead) }
        if deadlines.notice <= now { goAway() }
        if deadlines.idle <= now { end(NGHTTP2_NO_ERROR) }
        for entry in deadlines.resets where entry.due <= now { reset(entry.stream) }
        deadlines.resets.removeAll { $0.due <= now }
        if !ending.isFatal { armDeadline() }
    }
}
