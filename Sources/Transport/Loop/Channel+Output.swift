// How a channel writes: when the loop writes the output of a turn, when the kernel accepts more output, and before the
// channel closes.
internal import CLinux
internal import Glibc

extension Channel {
    /// Closes the channel once all output has been written.
    ///
    /// - Parameter abruptly: whether to close with a TCP reset and without close_notify, so that the peer cannot
    ///   mistake a truncated response for a complete one.
    package func closeWhenFlushed(abruptly: Bool = false) {
        if phase == .connecting { close() }
        guard phase == .open else { return }
        phase = .closing
        leaveRing()
        closesAbruptly = abruptly
        lastProgress = loop.now
        readPace.begin(
            taken: pendingTaken,
            waiting: pending.count,
            window: Self.closingStallMax,
            bytesPerSecondMin: closingBytesPerSecondMin,
            at: loop.now
        )
        closingTimer = loop.timers.schedule(at: loop.now + Self.closingStallMax, target: self, kind: 0)
        markNow()
    }

    /// Sends bytes without encryption, to a peer whose TLS handshake failed because it speaks plaintext.
    ///
    /// The caller must then call `closeWhenFlushed`.
    package func appendInClear(_ bytes: [UInt8]) {
        guard phase == .open, !isOpened else { return }
        unsafe bytes.withUnsafeBytes { unsafe pending.append($0) }
        // The failed handshake has set `hasEnded`, although the peer has not closed its side. With `hasEnded` false,
        // `finishClosing` waits for the peer. Otherwise it would close a socket with unread bytes, which sends a reset.
        hasEnded = false
        chargePending()
        markNow()
    }

    /// Closes after a failed TLS handshake once the alert has been sent and the peer has had time to read it.
    ///
    /// Closing at once would send a TCP reset if the peer has sent more bytes, and the peer could lose the alert.
    package func closeAfterAlert() {
        guard phase == .open, !isOpened else { return }
        // The failed handshake has set `hasEnded`, although the peer has not closed its side. With `hasEnded` false,
        // `finishClosing` waits for the peer to close. Otherwise it would close at once.
        hasEnded = false
        closeWhenFlushed()
    }

    func flush() {
        isMarked = false
        guard phase == .open || phase == .closing, !isBlocked, writeFailure == nil else { return }
        flushAll()
        chargePending()
    }

    /// Charges the connection's account for the memory of the output that the kernel has not accepted yet.
    func chargePending() {
        guard pending.footprint != pendingCharge.bytes, let account else { return }
        var charge = pendingCharge
        charge.set(pending.footprint, on: account)
        pendingCharge = charge
    }

    private func flushAll() {
        flushPending()
        guard canGoOn else { return }
        if isOpened, let handler {
            let scratch = loop.scratch
            scratch.removeAll()
            handler.channelFlush(self, into: scratch)
            if phase == .closed { return }
            if !scratch.isEmpty { writeOut(scratch) }
            guard canGoOn else { return }
            handler.channelDrained(self)
        }
        if phase == .closing, !isMarked { finishClosing() }
    }

    private var canGoOn: Bool { phase != .closed && pending.isEmpty && writeFailure == nil }

    private func writeOut(_ scratch: Scratch) {
        if isSecure {
            let error = unsafe tls!.write(scratch.bytes)
            if let error {
                end(.tls(error))
                return
            }
            unsafe writeNow(loop.wire.output)
            loop.wire.clearOutput()
        } else {
            unsafe writeNow(scratch.bytes)
        }
    }

    /// Writes to the socket at once.
    ///
    /// Bytes that the kernel does not accept are copied into `pending`, and sent when the socket becomes writable.
    private func writeNow(_ bytes: UnsafeRawBufferPointer) {
        let written = unsafe send(bytes)
        if writeFailure != nil {
            writeFailed()
        } else if written < bytes.count {
            unsafe pending.append(UnsafeRawBufferPointer(rebasing: bytes[written...]))
            block()
        }
    }

    func flushPending() {
        while !pending.isEmpty {
            var isShort = false
            _ = unsafe pending.consumeFirst { bytes in
                let written = unsafe send(bytes)
                pendingTaken &+= written
                isShort = written < bytes.count
                return written
            }
            if writeFailure != nil {
                writeFailed()
                return
            }
            if isShort {
                block()
                return
            }
        }
    }

    /// Makes one `send` call.
    ///
    /// This function must not call the handler. The caller may be inside `pending.consumeFirst`, and a second access to
    /// `pending`, by a call from the handler, would violate Swift's rule of exclusive access.
    ///
    /// - Returns: how many bytes the kernel accepted. After an error the result is 0, and `writeFailure` has the error.
    private func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        let written = unsafe Glibc.send(descriptor, bytes.baseAddress, bytes.count, clinux_MSG_NOSIGNAL)
        if written >= 0 {
            lastProgress = loop.now
            return written
        }
        if errno != EAGAIN, errno != EINTR { writeFailure = SystemError.last("write") }
        return 0
    }

    /// Reports a failed write to the handler, unless the channel is open and still reads what the peer sends.
    ///
    /// An executor that rejects a request body responds and closes, which makes this server's next write fail. The
    /// channel must then read the executor's response first. epoll reports the end of the connection in a later turn.
    private func writeFailed() {
        pending.removeAll()
        guard let writeFailure, phase != .open || hasEnded || !isReading else { return }
        end(.failed(writeFailure))
    }

    private func block() {
        isBlocked = true
        updateInterest()
    }

    private func finishClosing() {
        if closesAbruptly {
            reset()
            return
        }
        if isSecure, isOpened {
            tls!.shutdown()
            unsafe writeNow(loop.wire.output)
            loop.wire.clearOutput()
            guard canGoOn else { return }
        }
        guard !hasEnded else {
            close()
            return
        }
        // Closing a socket with unread bytes sends a reset, which can make the peer discard the response. So the
        // channel closes only its sending side here, and waits for the peer to close the connection.
        phase = .lingering
        _ = Glibc.shutdown(descriptor, CInt(SHUT_WR))
        isReading = true
        updateInterest()
        if let closingTimer { loop.timers.cancel(closingTimer) }
        lingerEnd = loop.now + linger.longest
        closingTimer = loop.timers.schedule(at: loop.now + linger.period, target: self, kind: 0)
    }

    /// Whether a lingering channel waits one more `Linger.period` for the peer to close; never beyond `lingerEnd`.
    ///
    /// At the first check, it waits on if the peer has not acknowledged all output. At each later check, the peer must
    /// also have acknowledged some output since the check before.
    private func lingersOn() -> Bool {
        guard phase == .lingering, loop.now < lingerEnd else { return false }
        let left = clinux_unacknowledged(descriptor)
        guard left > 0, left < unacknowledged else { return false }
        unacknowledged = left
        return true
    }

    package func timerFired(_ kind: Int) {
        closingTimer = nil
        guard phase == .closing else {
            guard lingersOn() else { return close() }
            closingTimer = loop.timers.schedule(
                at: min(loop.now + linger.period, lingerEnd),
                target: self,
                kind: 0
            )
            return
        }
        let due = min(lastProgress + Self.closingStallMax, max(readPace.windowEnd, loop.now + 1))
        if due > loop.now, !readPace.isTooSlow(taken: pendingTaken, waiting: pending.count, at: loop.now) {
            closingTimer = loop.timers.schedule(at: due, target: self, kind: 0)
        } else {
            reset()
        }
    }

    /// The epoll events that the channel needs now.
    private var wantedEvents: UInt32 {
        var wanted = clinux_EPOLLET
        if isReading, !hasEnded, ringReceive == .none { wanted |= clinux_EPOLLIN }
        if watchesHangup, !hasEnded, ringReceive == .none { wanted |= clinux_EPOLLRDHUP }
        if isBlocked || phase == .connecting { wanted |= clinux_EPOLLOUT }
        return wanted
    }

    func updateInterest() {
        let wanted = wantedEvents
        if let registration {
            guard wanted != interest else { return }
            interest = wanted
            loop.modify(registration, descriptor: descriptor, events: wanted)
        } else if isUnregistered, isReading, phase != .closed {
            interest = wanted
            do throws(SystemError) {
                registration = try loop.register(self, descriptor: descriptor, events: wanted)
                isUnregistered = false
            } catch {
                // Adding the socket to epoll again has failed. No epoll event is needed, because the peer has closed:
                // the channel now reads in every turn of the loop until it has read all that the peer has sent.
                hasHungUp = true
                revisit()
            }
        }
    }
}
