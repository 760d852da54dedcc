// The writing half of a channel: the flush phase, output that the kernel did not take, closing after the last byte.
internal import CLinux
internal import Glibc

extension Channel {
    /// Closes the channel once all output has been written.
    ///
    /// - Parameter abruptly: closes with a TCP reset and without close_notify, so that the peer cannot mistake a part
    ///   of the answer for the whole.
    package func closeWhenFlushed(abruptly: Bool = false) {
        if phase == .connecting { close() }
        guard phase == .open else { return }
        phase = .closing
        leaveRing()
        closesAbruptly = abruptly
        lastProgress = loop.now
        closingTimer = loop.timers.schedule(at: loop.now + Self.closingStallMax, target: self, kind: 0)
        markNow()
    }

    /// Sends bytes unencrypted to a peer whose TLS handshake has failed because it does not speak TLS.
    ///
    /// The caller then calls `closeWhenFlushed`.
    package func appendInClear(_ bytes: [UInt8]) {
        guard phase == .open, !isOpened else { return }
        unsafe bytes.withUnsafeBytes { unsafe pending.append($0) }
        // The peer has not closed. Closing waits for it, since a close with unread bytes would be a reset.
        hasEnded = false
        chargePending()
        markNow()
    }

    func flush() {
        isMarked = false
        guard phase == .open || phase == .closing, !isBlocked, writeFailure == nil else { return }
        flushAll()
        chargePending()
    }

    /// Charges the account for the memory of `pending`, in whole chunks.
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

    /// Writes to the socket; bytes that the kernel does not take are copied into `pending`.
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
    /// It calls no handler, since the caller may be borrowing `pending`.
    ///
    /// - Returns: how many bytes the kernel took; 0 also for an error, which is then in `writeFailure`.
    private func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        let written = unsafe Glibc.send(descriptor, bytes.baseAddress, bytes.count, clinux_MSG_NOSIGNAL)
        if written >= 0 {
            lastProgress = loop.now
            return written
        }
        if errno != EAGAIN, errno != EINTR { writeFailure = SystemError.last("write") }
        return 0
    }

    /// Reports a failed write, unless there may still be bytes to read.
    ///
    /// An executor that refuses a body answers, closes, and so makes the next write fail. Its answer is read first: the
    /// poller reports the end in the next turn.
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
        // A close with unread bytes in the kernel sends a reset, which may destroy our answer: so wait for the peer.
        phase = .lingering
        _ = Glibc.shutdown(descriptor, CInt(SHUT_WR))
        isReading = true
        updateInterest()
        if let closingTimer { loop.timers.cancel(closingTimer) }
        closingTimer = loop.timers.schedule(at: loop.now + Self.lingerMax, target: self, kind: 0)
    }

    package func timerFired(_ kind: Int) {
        closingTimer = nil
        guard phase == .closing else {
            close()
            return
        }
        let due = lastProgress + Self.closingStallMax
        if due > loop.now {
            closingTimer = loop.timers.schedule(at: due, target: self, kind: 0)
        } else {
            reset()
        }
    }

    /// The events of the poller that the channel waits for.
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
                // The system cannot watch the socket. The peer has closed, so everything can be read now, turn by turn.
                hasHungUp = true
                revisit()
            }
        }
    }
}
