// How a channel receives through io_uring instead of epoll and `recv`: start, stop, and received bytes.
internal import CLinux
internal import Glibc

extension Channel {
    /// Starts to receive through io_uring if the loop does so for every channel (`PollerChoice.ring`, for tests).
    func enterRing() { if loop.choice == .ring { expectSmallReads() } }

    /// Begins to receive through io_uring, if the loop can use it.
    ///
    /// The handler calls this function when it expects many small reads, as in a token stream.
    ///
    /// Even after `setReading(false)`, the handler can get up to 32 KiB more: Linux 6.8 and later fill up to 32 buffers
    /// of 1 KiB at once for one socket.
    package func expectSmallReads() {
        guard ringReceive == .none, phase == .open, isOpened, isReading, !hasEnded, readLimit >= Self.ringReadLimitMin,
            let registration, let ring = loop.receiveRing, ring.receive(registration, descriptor: descriptor)
        else { return }
        ringReceive = .open
        updateInterest()
    }

    /// Cancels receiving through io_uring.
    ///
    /// epoll takes over when the kernel has confirmed the cancellation.
    func leaveRing() {
        guard ringReceive == .open, let registration, let ring = loop.receiveRing else { return }
        ringReceive = .leaving
        ring.cancel(registration)
    }

    /// Handles a completion of the channel's io_uring receive request.
    ///
    /// - Parameters:
    ///   - result: the number of bytes received; 0 at the end of the stream; a negative errno after an error.
    ///   - isLast: whether the kernel has stopped receiving for this request.
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
        // After ENOBUFS (no free buffer), the channel asks io_uring to receive again. In all other cases, epoll watches
        // the socket again, and reports the bytes that have arrived in the meantime.
        if result == -Int(ENOBUFS) { expectSmallReads() }
        if ringReceive == .none { enterRing() }
        if ringReceive == .none { updateInterest() }
    }
}
