// The fast ringReceive: io_uring receives the small reads of token streams, many to a system call. Confined to its loop.
internal import CLinux
internal import Glibc

/// Which system interface tells a loop what can be read.
package enum PollerChoice: Sendable, Equatable {
    /// io_uring for token streams where the kernel allows it, else epoll for everything.
    case auto
    case epoll
    /// io_uring for whatever is read, from the first byte: for tests, which so meet both ways.
    case ring
}

/// An io_uring with provided buffers.
///
/// Channels that expect many small reads are received here; everything else stays with epoll, whose descriptor this ring
/// polls. So a turn of a thousand streams takes one system call where epoll takes one for each read and one more.
@safe
final class ReceiveRing {
    static let bufferSize = 1024
    /// How many buffers the kernel may fill before we take them: 512 KiB a worker.
    private static let bufferCount = 512
    private static let lookahead: UInt32 = 2
    // Tokens have indices far below these.
    private static let pollMark = UInt64.max
    private static let cancelMark = UInt64.max - 1

    private var ring = unsafe clinux_ring()
    private let poller: CInt
    private var isPolling = false
    private var isPollerReady = false
    /// Requests to receive that are under way.
    private(set) var active = 0

    /// Nil when the kernel does not offer it: too old, or not allowed here (containers, sysctl).
    init?(poller: CInt) {
        self.poller = poller
        let code = unsafe clinux_ring_open(&ring, 256, 2048, UInt32(Self.bufferCount), UInt32(Self.bufferSize))
        guard code == 0 else { return nil }
    }

    deinit { unsafe clinux_ring_close(&ring) }

    // MARK: For channels

    func receive(_ key: SlabKey, descriptor: CInt) -> Bool {
        guard unsafe clinux_ring_receive(&ring, descriptor, key.bits) == 1 else { return false }
        active += 1
        return true
    }

    /// The request ends, with completions that say so.
    func cancel(_ key: SlabKey) { _ = unsafe clinux_ring_cancel(&ring, key.bits, Self.cancelMark) }

    /// Hands over what was asked for since: to be called before a descriptor in it is closed, and its number another's.
    func submit() { _ = unsafe clinux_ring_enter(&ring, 0, 0, -1) }

    // MARK: For the loop

    /// Submits and waits.
    ///
    /// - Parameters:
    ///   - completions: how many are worth waking up for.
    ///   - timeout: in nanoseconds; negative for as long as it takes.
    func wait(for completions: Int, timeout: Int64) {
        if !isPolling { isPolling = unsafe clinux_ring_poll(&ring, poller, Self.pollMark) == 1 }
        _ = unsafe clinux_ring_enter(&ring, 1, UInt32(completions), timeout)
    }

    /// More is there than was taken.
    var hasMore: Bool { unsafe clinux_ring_ready(&ring) > 0 || clinux_ring_has_work(&ring) != 0 }

    /// The epoll descriptor had something to tell, since this was last asked.
    func takePollerReady() -> Bool {
        defer { isPollerReady = false }
        return isPollerReady
    }

    /// Takes the completions that are there, and gives their buffers back when `body` has seen them.
    ///
    /// `prepare` is told who will be next but one, whose memory has been cold since its last token; `body` is given, for the channel of a token: bytes with how many there are, 0 for the end or an errno below 0; and
    /// whether nothing more comes of the request.
    /// - Returns: how many there were.
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
