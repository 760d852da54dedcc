// What a channel does when its socket becomes ready: it completes the connect, reads, and passes on the received bytes.
internal import CLinux
internal import Glibc

extension Channel {
    // MARK: Deliver

    func ready(_ events: UInt32) {
        if phase == .connecting {
            guard finishConnecting(events) else { return }
        }
        if events & clinux_EPOLLOUT != 0, isBlocked {
            isBlocked = false
            updateInterest()
            markNow()
        }
        // io_uring reports the end of the stream as a completion, so epoll's report is not needed.
        if ringReceive == .none { peerActed(events) }
    }

    /// Handles what epoll reports about the peer: bytes, the end of the stream, or an error.
    @inline(__always)
    private func peerActed(_ events: UInt32) {
        if events & (clinux_EPOLLRDHUP | clinux_EPOLLHUP | clinux_EPOLLERR) != 0 { hasHungUp = true }
        if readsNow, events & (clinux_EPOLLIN | clinux_EPOLLERR | clinux_EPOLLHUP) != 0 {
            // If `isRevisited` is true, `readAgain` reads this channel in the next turn. So it is not read here: no
            // channel gets two reads in one turn.
            if !isRevisited { readOnce() }
        } else if !readsNow, events & (clinux_EPOLLERR | clinux_EPOLLHUP) != 0 {
            hungUpWhilePaused()
            return
        }
        if phase != .closed, events & clinux_EPOLLRDHUP != 0, !isReading, watchesHangup { end(.closed) }
    }

    /// Whether the channel reads now: for the handler, or to discard bytes while it waits for the peer to close.
    private var readsNow: Bool { isReading || phase == .lingering }

    /// Handles an error or a hangup while reading is paused.
    ///
    /// epoll reports errors and hangups even if the channel does not ask for them.
    private func hungUpWhilePaused() {
        let code = clinux_socket_error(descriptor)
        if let failure = writeFailure ?? (code != 0 || hasEnded ? SystemError("read", code) : nil) {
            end(.failed(failure))
        } else if watchesHangup {
            end(.closed)
        } else if let registration {
            // The peer of a unix socket has closed normally. The peer's last bytes stay unread until reading resumes.
            // The socket is removed from epoll, which would otherwise report EPOLLHUP again and again: EPOLLHUP cannot
            // be masked.
            loop.unregister(registration, descriptor: descriptor)
            self.registration = nil
            isUnregistered = true
        }
    }

    private func finishConnecting(_ events: UInt32) -> Bool {
        let code = clinux_socket_error(descriptor)
        guard code == 0 else {
            end(.failed(SystemError("connect", code)))
            return false
        }
        guard events & clinux_EPOLLOUT != 0 else { return false }
        phase = .open
        updateInterest()
        guard isSecure else {
            isOpened = true
            enterRing()
            handler?.channelOpened(self)
            return phase != .closed
        }
        unsafe loop.wire.feed(UnsafeRawBufferPointer(start: nil, count: 0))
        decrypt()
        return phase != .closed
    }

    /// Calls `channelContinues` if the handler has requested it, and reads bytes that the previous turn may have left
    /// unread.
    ///
    /// With EPOLLET, epoll does not report unread bytes again. EPOLLET is used nevertheless, because it saves one epoll
    /// event for each socket in each turn.
    func readAgain() {
        isRevisited = false
        guard !takesTurns else {
            awaitTurn()
            return
        }
        goOn()
        if mayRead { readOnce() }
    }

    private func goOn() {
        guard continuesNextTurn, phase != .closed else { return }
        continuesNextTurn = false
        handler?.channelContinues(self)
    }

    private var mayRead: Bool {
        ringReceive == .none && (phase == .lingering || isReading && (phase == .open || phase == .closing))
    }

    /// Requests a call of `channelContinues` in the next turn of the loop, where the handler continues unfinished work.
    ///
    /// A channel that must let other channels go first gets the call later, when the loop takes it from the
    /// `YieldQueue`.
    ///
    /// The handler should pause reading until that call. Otherwise it gets further bytes, which it would have to store.
    package func continueNextTurn() {
        continuesNextTurn = true
        revisit()
    }

    /// Makes the loop call `readAgain` in its next turn.
    ///
    /// If this channel must let other channels go first, it is added to the loop's `YieldQueue` instead.
    func revisit() {
        guard !isRevisited, phase != .closed else { return }
        guard !takesTurns else {
            awaitTurn()
            return
        }
        isRevisited = true
        loop.revisit(self)
    }

    /// Reads once, unless the channel's TLS handshake has to wait, or the channel must let other channels go first.
    ///
    /// A channel that must let other channels go first waits in the loop's `YieldQueue`.
    private func readOnce() {
        if handshake.isGated, phase == .open {
            if !mayShakeHands() { return }
        } else if yields {
            awaitTurn()
            return
        }
        readAdmitted()
    }

    // MARK: Yielding

    /// Whether the loop reads this channel after all other work of a turn, because its client has lately caused much
    /// work.
    ///
    /// If the channel receives through io_uring, the loop still handles arriving bytes at once. Only the work that the
    /// handler has put off by `continueNextTurn` then waits.
    package var yields: Bool { recentWork.isMuch(at: loop.now) }

    /// Adds to `recentWork` the cost, in nanoseconds, of work that the client has caused.
    package func countWork(_ work: Nanoseconds) { recentWork.add(work, at: loop.now) }

    /// Whether the channel must let other channels go first, and so waits in the `YieldQueue` before it reads.
    ///
    /// During its TLS handshake, a channel waits in the `HandshakeGate` instead.
    private var takesTurns: Bool { yields && !handshake.isGated }

    private func awaitTurn() {
        guard !awaitsTurn else { return }
        awaitsTurn = true
        loop.yielding.append(self)
    }

    /// Continues the handler's unfinished work, and reads once.
    ///
    /// The loop calls this after other channels have been served, and has removed the channel from its `YieldQueue`.
    func takeTurn() {
        awaitsTurn = false
        goOn()
        if mayRead { readAdmitted() }
    }

    /// Reads once, without checking whether the channel's TLS handshake has to wait, or whether the channel must let
    /// other channels go first.
    func readAdmitted() {
        let limit = min(loop.readMax, max(1024, readLimit))
        // `recv` costs less than `read`, because it bypasses the file layer of the kernel.
        let count = unsafe recv(descriptor, loop.readBuffer.baseAddress, limit, 0)
        if count > 0 {
            if count >= BulkReads.largeMin { loop.readWasLarge() }
            if count == limit || hasHungUp { revisit() }
            guard phase != .lingering else { return }
            unsafe take(UnsafeRawBufferPointer(rebasing: loop.readBuffer[..<count]))
        } else if count == 0 {
            end(writeFailure.map { .failed($0) } ?? .closed)
        } else if errno == EINTR {
            revisit()
        } else if errno != EAGAIN {
            end(.failed(SystemError.last("read")))
        }
    }

    /// Passes received bytes to the handler, after decryption if the channel has TLS.
    ///
    /// If a proxy sends a header first (the preamble), `takePreamble` reads that header before anything else.
    func take(_ bytes: UnsafeRawBufferPointer) {
        guard preamble == nil else {
            unsafe takePreamble(bytes)
            return
        }
        if !isSecure {
            let bytes = unsafe bytes.assumingMemoryBound(to: UInt8.self)
            unsafe handler?.channel(self, received: bytes.span)
        } else {
            unsafe loop.wire.feed(bytes)
            decrypt()
        }
    }

    func end(_ end: ChannelEnd) {
        if case .closed = end, phase == .closing, !hasEnded {
            // The peer sends nothing more but can still receive. So the channel sends its remaining output before it
            // closes.
            hasEnded = true
            updateInterest()
            markNow()
            return
        }
        guard !hasEnded, phase != .lingering, phase != .closing else {
            close()
            return
        }
        hasEnded = true
        if case .closed = end { setReading(false) }
        guard let handler else {
            close()
            return
        }
        handler.channel(self, ended: end)
    }
}
