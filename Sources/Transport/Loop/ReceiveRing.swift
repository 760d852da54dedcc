// io_uring for the small reads of token streams: one system call receives for many sockets. Confined to one thread.
internal import CLinux
internal import Glibc

/// Which system interfaces a loop uses to read from sockets.
package enum PollerChoice: Sendable, Equatable {
    /// io_uring for token streams if the kernel permits it, and epoll for everything else.
    case auto
    /// epoll only.
    case epoll
    /// io_uring for every channel from its first byte; used only by tests.
    case ring
}

/// An io_uring with provided buffers, which receives for channels that expect many small reads.
///
/// The ring also polls epoll's descriptor, because epoll watches everything else. A turn that receives for 1000 streams
/// takes one system call, instead of 1001 with epoll alone.
@safe
final class ReceiveRing {
    static let bufferSize = 1024
    /// How many buffers the kernel can fill before the loop processes them: 512, of 1 KiB each.
    private static let bufferCount = 512
    /// How far `takeAll` looks ahead to prefetch memory: it calls `prepare` for the second completion after the current
    /// one.
    private static let lookahead: UInt32 = 2
    // A completion carries the `user_data` of its request: the key of a channel, or one of these two values. `pollMark`
    // stands for the poll of epoll's descriptor, and `cancelMark` for a cancellation. No channel has either value as
    // its key, because no generation reaches 2^32 - 1.
    private static let pollMark = UInt64.max
    private static let cancelMark = UInt64.max - 1

    private var ring = unsafe clinux_ring()
    private let poller: CInt
    private var isPolling = false
    private var isPollerReady = false
    /// The number of sockets from which io_uring receives at present.
    private(set) var active = 0

    /// Opens the ring; nil if the kernel is too old, or if a container or a sysctl forbids io_uring.
    init?(poller: CInt) {
        self.poller = poller
        let code = unsafe clinux_ring_open(&ring, 256, 2048, UInt32(Self.bufferCount), UInt32(Self.bufferSize))
        guard code == 0 else { return nil }
    }

    deinit { unsafe clinux_ring_close(&ring) }

    // MARK: For channels

    /// Starts to receive from a socket, until `cancel`, the end of the stream or an error.
    ///
    /// - Returns: false if the submission queue is full.
    func receive(_ key: SlabKey, descriptor: CInt) -> Bool {
        guard unsafe clinux_ring_receive(&ring, descriptor, key.bits) == 1 else { return false }
        active += 1
        return true
    }

    /// Asks the kernel to stop receiving from a socket.
    ///
    /// The last completion for the socket shows that the kernel has stopped.
    func cancel(_ key: SlabKey) { _ = unsafe clinux_ring_cancel(&ring, key.bits, Self.cancelMark) }

    /// Submits all prepared requests at once.
    ///
    /// Call it before closing a descriptor that a prepared request names, because the kernel may give the same number
    /// to another socket.
    func submit() { _ = unsafe clinux_ring_enter(&ring, 0, 0, -1) }

    // MARK: For the loop

    /// Submits all prepared requests, and waits.
    ///
    /// - Parameters:
    ///   - completions: how many completions to wait for.
    ///   - timeout: the longest wait in nanoseconds; negative for no limit.
    func wait(for completions: Int, timeout: Int64) {
        if !isPolling { isPolling = unsafe clinux_ring_poll(&ring, poller, Self.pollMark) == 1 }
        _ = unsafe clinux_ring_enter(&ring, 1, UInt32(completions), timeout)
    }

    /// Whether `takeAll` has completions left to take, or the kernel can add some in the next system call of the loop.
    var hasMore: Bool { unsafe clinux_ring_ready(&ring) > 0 || clinux_ring_has_work(&ring) != 0 }

    /// Returns whether the ring has reported since the last call of this function that epoll has events.
    ///
    /// The ring polls epoll's descriptor, which is readable while epoll has events. When `takeAll` takes the completion
    /// of this poll, it sets `isPollerReady`.
    func takePollerReady() -> Bool {
        defer { isPollerReady = false }
        return isPollerReady
    }

    /// Takes all completions, and returns each buffer to the kernel after `body` has processed it.
    ///
    /// - Parameters:
    ///   - prepare: called with the key of the second completion after the current one, to prefetch the memory of the
    ///     channel with this key. That memory is usually not in the CPU cache, because it was last used for the
    ///     channel's previous token.
    ///   - body: called for each completion. `result` is the number of bytes, 0 at the end of the stream, or a negative
    ///     errno. `isLast` is true for the last completion of a receive request.
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
