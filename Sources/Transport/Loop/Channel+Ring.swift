// Receiving through io_uring: when a channel enters and leaves the ring, and what the ring has received.
internal import CLinux
internal import Glibc

extension Channel {
    /// Starts to receive by the ring where the loop does so for every channel (`PollerChoice.ring`, for tests).
    func enterRing() { if loop.choice == .ring { expectSmallReads() } }

    /// Announces many small reads, such as a token stream: the ring may receive them from now on.
    ///
    /// After a call that pauses reading, up to 32 KiB may still be delivered: Linux 6.8 and later receive up to 32
    /// buffers at once for one socket.
    package func expectSmallReads() {
        guard ringReceive == .none, phase == .open, isOpened, isReading, !hasEnded, readLimit >= Self.ringReadLimitMin,
            let registration, let ring = loop.receiveRing, ring.receive(registration, descriptor: descriptor)
        else { return }
        ringReceive = .open
        updateInterest()
    }

    /// Cancels receiving by the ring; the poller takes over when the ring has confirmed it.
    func leaveRing() {
        guard ringReceive == .open, let registration, let ring = loop.receiveRing else { return }
        ringReceive = .leaving
        ring.cancel(registration)
    }

    /// Handles a completion of the ring.
    ///
    /// - Parameters:
    ///   - result: the number of bytes, 0 at the end of the stream, or a negative errno.
    ///   - isLast: whether the ring has stopped receiving this socket.
    func received(_ result: Int, _ bytes: UnsafeRawBufferPointer, isLast: Bool) {
        if isLast { ringReceive = .none }
        if result > 0 {
            guard phase != .lingering else { return }
            unsafe take(bytes)
        } else if result == 0 {
            end(writeFailure.map { .failed($0) } ?? .closed)
        } else if result != -Int(ECANCELED), result != -Int(ENOBUFS), result != -Int(EINTR) {
            end(.failed(SystemError("read", CInt(-result))))
        }
        guard isLast, phase != .closed else { return }
        // The ring was out of buffers and is asked again, or the poller takes over and reports what arrived meanwhile.
        if result == -Int(ENOBUFS) { expectSmallReads() }
        if ringReceive == .none { enterRing() }
        if ringReceive == .none { updateInterest() }
    }
}
