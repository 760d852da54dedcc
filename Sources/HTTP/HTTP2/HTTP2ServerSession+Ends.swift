// How an HTTP/2 connection ends: its client goes, a deadline passes, or it drains.
internal import CNghttp2
internal import Transport

extension HTTP2ServerSession {
    func ended(_ end: ClientEnd) {
        isEnded = true
        let all = streams
        streams = [:]
        refusedStreams = 0
        (recent, receiving) = (nil, nil)
        ending = []
        drySince = []
        for stream in all.values.sorted(by: { $0.id < $1.id }) {
            stream.isClosed = true
            stream.bytesLost = stream.output.count
            let handler = stream.handler
            stream.handler = nil
            stream.letGoOfMemory()
            if stream.isEndSent { handler?.responseFinished() } else { handler?.clientLeft(end) }
        }
    }

    /// Graceful GOAWAY: a notice first, and the final one when the client has had time to see it.
    func drain() {
        guard !isDraining else { return }
        isDraining = true
        unsafe nghttp2_submit_shutdown_notice(session)
        noticeDue = now + Self.noticePeriod
        armDeadline()
        channel.mark()
    }

    func idleBegins() {
        idleDue = now + connection.settings.idleTimeout
        armDeadline()
    }

    func armDeadline() {
        var due = min(min(settingsDue, headersDue), min(noticeDue, idleDue))
        for entry in ending { due = min(due, entry.due) }
        if due != .max { connection.setDeadline(due) } else { connection.clearDeadline() }
    }

    func deadlinePassed() {
        if settingsDue <= now { fail(.settings) }
        if headersDue <= now { fail(.slowHead) }
        if noticeDue <= now { goAway() }
        if idleDue <= now { end(NGHTTP2_NO_ERROR) }
        for entry in ending where entry.due <= now { reset(entry.stream) }
        ending.removeAll { $0.due <= now }
        if !isFatal { armDeadline() }
    }

    func goAway() {
        noticeDue = .max
        isGoingAway = true
        let last = unsafe nghttp2_session_get_last_proc_stream_id(session)
        unsafe nghttp2_submit_goaway(
            session,
            UInt8(NGHTTP2_FLAG_NONE.rawValue),
            last,
            NGHTTP2_NO_ERROR.rawValue,
            nil,
            0
        )
        channel.mark()
    }
}
