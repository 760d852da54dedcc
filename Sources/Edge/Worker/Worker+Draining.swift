// How a worker ends: it accepts no more connections, lets its exchanges finish, and stops its loop soon after its last
// connection has ended.
internal import HTTP
internal import Transport

extension Worker {
    /// How long clients may still read their responses after the time for the drain is over (`WorkerMessage.expire`),
    /// in nanoseconds.
    static let expirePeriod: Nanoseconds = 1_000_000_000
    /// How long connections may still write their last bytes after `WorkerMessage.cut` has ended all exchanges, in
    /// nanoseconds.
    ///
    /// The control thread sends this message when another signal to end the server arrives during the drain.
    static let cutPeriod: Nanoseconds = 50_000_000
    /// How long the worker still runs after its last connection has ended, so that the kernel can send what is
    /// buffered, in nanoseconds.
    private static let lingerPeriod: Nanoseconds = 50_000_000

    func drain(_ drain: ConnectionDrain) {
        guard draining == nil || draining == .handedOver && drain == .stopping else { return }
        let isAccepting = draining == nil
        draining = drain
        if isAccepting { stopAccepting() }
        for connection in connections.all { connection.drain(drain) }
        clients.closeIdle()
        endIfDrained()
    }

    /// Stops accepting connections, and reports that to the control thread.
    ///
    /// After a hand-over to a new process, the worker first accepts the connections that wait in the sockets' backlogs.
    /// For a new connection, the kernel wakes only one of the processes that share a socket (`Listener.resume`). If it
    /// woke this process, the successor would not see the connection before another one arrives.
    private func stopAccepting() {
        ownHandle.setTakesConnections(false)
        if draining == .handedOver {
            for listener in listeners.all { listener.close() }
        } else {
            // The server is about to end, so health checks get 503 from now on. After a hand-over, the worker does not
            // answer them with 503, because the new process serves.
            isLeaving = true
            listeners.pause()
        }
        report(.stoppedAccepting)
    }

    func expire(within period: Nanoseconds) {
        drain(.stopping)
        for exchange in exchanges.elements { exchange.handle(.drainExpired) }
        _ = loop.timers.schedule(
            at: loop.now + period,
            target: TimerClosure { [unowned self] in
                for connection in connections.all { connection.close(.edge) }
                loop.stop()
            },
            kind: 0
        )
    }

    func endIfDrained() {
        guard connections.isEmpty else { return }
        _ = loop.timers.schedule(
            at: loop.now + Self.lingerPeriod,
            target: TimerClosure { [unowned self] in
                // Another worker may have handed a connection to this one in the meantime. When that connection ends,
                // `endIfDrained` is called again.
                if connections.isEmpty { loop.stop() }
            },
            kind: 0
        )
    }
}
