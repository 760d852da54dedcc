// The work of a turn that waits until the output of all streams is written: TLS handshakes, new connections, and
// reading from channels whose clients have lately caused much work. Each kind of work has a limited time.

extension EventLoop {
    /// Lets TLS handshakes that wait continue, for at most about `HandshakeBudget.burst` nanoseconds.
    ///
    /// The loop has already written the output of this turn, so the handshakes do not delay that output.
    ///
    /// - Parameter isIdle: whether the loop had nothing else to do in this turn. One handshake may then continue even
    ///   if the handshakes' budget of CPU time is used up.
    func continueHandshakes(isIdle: Bool) {
        var beyondBudget = isIdle
        var now = clock.now
        let end = now + HandshakeBudget.burst
        while now < end, let channel = handshakes.next(at: now, beyondBudget: beyondBudget) {
            beyondBudget = false
            channel.continueHandshake()
            now = clock.now
        }
    }

    /// Lets all listeners with waiting connections accept them, for a limited time.
    ///
    /// The time for all listeners together is a fourth of the time that this turn has taken so far, but at least
    /// `YieldQueue.sliceMin`.
    func acceptConnections() {
        let now = clock.now
        let end = now + YieldQueue.slice(after: now - min(time, now))
        for listener in accepting { listener.accept(until: end) }
        accepting.removeAll(keepingCapacity: true)
    }

    /// Reads the channels whose clients have lately caused much work, for a limited time.
    ///
    /// The time is a fourth of the time that this turn has taken so far, but at least `YieldQueue.sliceMin`. The loop
    /// has already written the output of all other channels in this turn.
    func serveYielding() {
        var now = clock.now
        let end = now + YieldQueue.slice(after: now - min(time, now))
        repeat {
            guard let channel = yielding.popFirst() else { return }
            channel.takeTurn()
            flushMarked()
            now = clock.now
        } while now < end
    }
}
