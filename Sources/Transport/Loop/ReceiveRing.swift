// io_uring for the small reads of token streams: one system call receives for many sockets. Confined to its loop.
internal import CLinux
internal import Glibc

/// The system interfaces by which a loop reads.
package enum PollerChoice: Sendable, Equatable {
    /// io_uring for token streams where the kernel allows it, epoll for everything else.
    case auto
    /// epoll for everything.
    case epoll
    /// io_uring for every channel from its first byte; for tests, which run with each interface.
    case ring
}

/// An io_uring with provided buffers.
///
/// It receives for channels that expect many small reads. Everything else stays with epoll, whose descriptor this ring
/// polls. A turn that receives for a thousand streams takes one system call; with epoll alone it would take 1001.
@safe
final class ReceiveRing {
    static let bufferSize = 1024
    /// The number of buffers that the kernel can fill before the loop takes them: 512 KiB for each worker.
    private static let bufferCount = 512
    /// How far ahead of the current completion `takeAll` announces the next owners.
    private static let lookahead: UInt32 = 2
    // Values of `user_data` that no `SlabKey` has: its generation would have to reach 2^32 - 1.
    private static let pollMark = UInt64.max
    private static let cancelMark = UInt64.max - 1

    private var ring = unsafe clinux_ring()
    private let poller: CInt
    private var isPolling = false
    private var isPollerReady = false
    /// The number of sockets that the ring receives now.
    private(set) var active = 0

    /// Fails where the kernel is too old, or where a container or a sysctl forbids io_uring.
    init?(poller: CInt) {
        self.poller = poller
        let code = unsafe clinux_ring_open(&ring, 256, 2048, UInt32(Self.bufferCount), UInt32(Self.bufferSize))
        guard code == 0 else { return nil }
    }

    deinit { unsafe clinux_ring_close(&ring) }

    // MARK: For channels

    /// Receives from a socket until `cancel`, the end of the stream or an error.
    ///
    /// - Returns: false when the submission queue is full.
    func receive(_ key: SlabKey, descriptor: CInt) -> Bool {
        guard unsafe clinux_ring_receive(&ring, descriptor, key.bits) == 1 else { return false }
        active += 1
        return true
    }

    /// Asks the kernel to stop receiving; the last completion of the socket confirms it.
    func cancel(_ key: SlabKey) { _ = unsafe clinux_ring_cancel(&ring, key.bits, Self.cancelMark) }

    /// Submits all prepared requests at once.
    ///
    /// Call it before a descriptor in one of them is closed, since its number may then belong to another socket.
    func submit() { _ = unsafe clinux_ring_enter(&ring, 0, 0, -1) }

    // MARK: For the loop

    /// Submits all prepared requests and waits.
    ///
    /// - Parameters:
    ///   - completions: the number of completions to wait for.
    ///   - timeout: in nanoseconds; negative for no limit.
    func wait(for completions: Int, timeout: Int64) {
        if !isPolling { isPolling = unsafe clinux_ring_poll(&ring, poller, Self.pollMark) == 1 }
        _ = unsafe clinux_ring_enter(&ring, 1, UInt32(completions), timeout)
    }

    /// Whether there are completions that were not taken, or the kernel has work to finish for this ring.
    var hasMore: Bool { unsafe clinux_ring_ready(&ring) > 0 || clinux_ring_has_work(&ring) != 0 }

    /// Whether the epoll descriptor became readable since the last call.
    func takePollerReady() -> Bool {
        defer { isPollerReady = false }
        return isPollerReady
    }

    /// Takes all completions, and returns each buffer to the kernel after `body` has seen it.
    ///
    /// - Parameters:
    ///   - prepare: called with the key of the completion after the next one, so that its owner can be prefetched: that
    ///     memory has been cold since the last token of the stream.
    ///   - body: called for each completion, with the key of the channel; the number of bytes, 0 at the end of the
    ///     stream, or a negative errno; the bytes; and whether this is the last completion of the request.
    /// - Returns: the number of completions.
    func takeAll(
        awaiting prepare: (SlabKey) -> Void,
        _ body: (_ key: SlabKey, _ result: Int, _ bytes: UnsafeRawBufferPointer, _ isLast: Bool) -> Void
    ) -> Int {
        let count = unsafe clinux_ring_ready(&ring)
        var hasBuffers = false
        for _ in 0..<count {
            let next = unsafe clinux_ring_peek(&ring, Self.lookahead)
            if next != 0, next < Self.cancelMark { prepare(SlabKey(bits: next)) }
            let entry = unsafe clinux_ring_completion(&ring)
            guard entry.user_data != Self.cancelMark else { continue }
            guard entry.user_data != Self.pollMark else {
                isPolling = false
                isPollerReady = true
                continue
            }
            let isLast = entry.flags & clinux_CQE_F_MORE == 0
            if isLast { active -= 1 }
            let result = Int(entry.res)
            let hasBuffer = entry.flags & clinux_CQE_F_BUFFER != 0
            let buffer = UInt16(truncatingIfNeeded: entry.flags >> 16)
            let bytes = unsafe UnsafeRawBufferPointer(
                start: hasBuffer ? clinux_ring_buffer(&ring, buffer) : nil,
                count: hasBuffer ? max(0, result) : 0
            )
            unsafe body(SlabKey(bits: entry.user_data), result, bytes, isLast)
            guard hasBuffer else { continue }
            unsafe clinux_ring_give_buffer(&ring, buffer)
            hasBuffers = true
        }
        if hasBuffers { unsafe clinux_ring_publish_buffers(&ring) }
        return Int(count)
    }
}
