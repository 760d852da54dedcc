// How an HTTP/1.1 connection ends: the client leaves, a deadline passes, or the server ends its connections.
internal import Transport

extension HTTP1ServerSession {
    func ended(_ end: ClientEnd) {
        state = .closing
        waiting = []
        guard let stream else { return }
        stream.bytesLost = stream.buffered
        release(stream)?.clientLeft(end)
    }

    func drain(_ drain: ConnectionDrain) {
        draining = drain
        if let stream {
            // A response head without `connection: close` allows the client to send another request. If the head was
            // sent before a successor process took over, this process still serves that other request, and answers it
            // with `connection: close`.
            if drain == .stopping || !stream.isHeadSent { stream.keepAlive = false }
            return
        }
        // This connection switches to HTTP/2 after the body. The request is still served, and
        // `ServerConnection.upgrade` then calls `drain` of the HTTP/2 session.
        if case .upgradeBody = state { return }
        guard drain == .stopping else { return }
        guard case .head = state, !hasServed else {
            connection.closeWhenFlushed()
            return
        }
        connection.setDeadline(channel.loop.now + ServerConnection.firstRequestPeriod)
    }

    func deadlinePassed() {
        if let stream {
            // The handler has finished the response, but bytes of it still wait for the client. The connection is
            // closed if none were sent for `idleTimeout`, or if the client reads too slowly. Nothing is added to a
            // finished response, so fewer waiting bytes mean that the client has read bytes.
            let now = channel.loop.now
            let due = max(channel.lastProgress, stream.lastMoved) + connection.settings.idleTimeout
            let isSlow = readPace.isTooSlow(taken: -stream.buffered, waiting: stream.buffered, at: now)
            if due > now, !isSlow {
                connection.setDeadline(min(due, readPace.windowEnd))
            } else {
                connection.close(.edge)
            }
            return
        }
        guard case .head = state, headDeadlineRuns else {
            if case .upgradeBody = state {
                refuse(status: 408, message: "the request body did not arrive in time")
            } else {
                connection.closeWhenFlushed()
            }
            return
        }
        refuse(status: 408, message: "the request head did not arrive in time")
    }
}
