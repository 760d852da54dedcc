// A byte-stream socket in a loop, with TLS or without. The only code that reads and writes sockets.
internal import CLinux
internal import Glibc

/// How a channel's life ended, seen from the other side of it.
package enum ChannelEnd: Sendable {
    /// The peer closed its side in order (FIN, or close_notify).
    case closed
    /// Reset, timed out, unreachable: the errno.
    case failed(SystemError)
    case tls(TLSError)
}

/// What lies above a channel.
///
/// All calls come from the loop's thread; none may be made on a closed channel.
package protocol ChannelHandler: AnyObject {
    /// Connected, the preamble read and the TLS handshake done.
    ///
    /// Not called where there is nothing of these to wait for: see `attach`.
    func channelOpened(_ channel: Channel)
    /// Bytes in the clear. They are valid during the call only.
    func channel(_ channel: Channel, received bytes: Span<UInt8>)
    /// The peer will send no more. The channel is still there to be written to when `end` is `.closed`.
    func channel(_ channel: Channel, ended end: ChannelEnd)
    /// The flush phase: append what is to be said. Called again in the next turn if the channel is marked meanwhile.
    func channelFlush(_ channel: Channel, into scratch: Scratch)
    /// Everything handed over has been taken by the kernel.
    func channelDrained(_ channel: Channel)
    /// The socket is closed, at the end of the turn: the last call. The place to break cycles of references.
    func channelReleased(_ channel: Channel)
}

/// One socket.
///
/// What the layers above see of it is private with accessors, so that the compiler sees every access and leaves the
/// check of exclusive access out (decision 0024).
package final class Channel: Registered, TimerTarget {
    enum Phase { case connecting, open, closing, lingering, closed }
    static let lingerMax: Nanoseconds = 2_000_000_000
    /// How long a peer may take nothing of what is left for it when we are about to close.
    static let closingStallMax: Nanoseconds = 30_000_000_000

    package let loop: EventLoop
    package let peer: SocketAddress
    package let isSecure: Bool
    private var attached: (any ChannelHandler)?
    private var readMax = EventLoop.readSize
    private var charged: MemoryAccount?
    private var progress: Nanoseconds

    // Channel+Output.swift shares these.
    let descriptor: CInt
    var phase: Phase
    var tls: TLSConnection?
    var pending: ByteQueue
    var pendingCharge = MemoryCharge()
    var isReading = true
    var isMarked = false
    var isBlocked = false
    var isOpened = false
    var hasEnded = false
    var closesAbruptly = false
    var closingTimer: TimerID?
    /// What the first bytes are for, until it is done; nil for most channels from the start.
    var preamble: PreambleReader?
    var writeFailure: SystemError?

    var registration: SlabKey?
    var interest: UInt32
    var watchesHangup = true
    private static let ringReadLimitMin = 16 << 10
    private var reads: UInt32 = 0
    private var isRevisited = false
    /// The poller has told that the peer ended.
    ///
    /// It tells once: so reading goes on until the end has been read.
    var hasHungUp = false
    /// Received by the ring (ReceiveRing), and what is to come of that.
    enum RingReceive { case none, open, leaving }
    var ringReceive = RingReceive.none
    /// Taken out of the poller: the peer is gone for good, and what it sent waits until reading resumes.
    var isUnregistered = false

    /// Closes the socket when it throws.
    private init(
        loop: EventLoop,
        socket: Socket,
        peer: SocketAddress,
        tls: consuming TLSConnection?,
        pending: Bool
    ) throws(SystemError) {
        self.loop = loop
        descriptor = socket.descriptor
        self.peer = peer
        isSecure = tls != nil
        self.tls = tls
        self.pending = ByteQueue(pool: loop.chunks)
        phase = pending ? .connecting : .open
        progress = loop.now
        interest = clinux_EPOLLIN | clinux_EPOLLRDHUP | clinux_EPOLLET | (pending ? clinux_EPOLLOUT : 0)
        do throws(SystemError) {
            registration = try loop.register(self, descriptor: descriptor, events: interest)
        } catch {
            phase = .closed
            socket.close()
            throw error
        }
    }

    /// Takes over an accepted socket.
    ///
    /// - Parameter preamble: reads what comes before the client's bytes, and before TLS.
    /// - Throws: when the system has no room to watch another socket. The socket is closed then.
    package static func accept(
        _ socket: Socket,
        peer: SocketAddress,
        loop: EventLoop,
        tls: consuming TLSConnection? = nil,
        preamble: (any ChannelPreamble)? = nil
    ) throws(SystemError) -> Channel {
        let channel = try Channel(loop: loop, socket: socket, peer: peer, tls: tls, pending: false)
        if let preamble { channel.preamble = PreambleReader(preamble) }
        return channel
    }

    /// Begins to connect; `channelOpened` or `channel(_:ended:)` follows, in a later turn.
    package static func connect(
        to address: SocketAddress,
        loop: EventLoop,
        tls: consuming TLSConnection? = nil
    ) throws(SystemError) -> Channel {
        let (socket, _) = try Sockets.connect(to: address)
        return try Channel(loop: loop, socket: socket, peer: address, tls: tls, pending: true)
    }

    /// Binds the channel to what lies above it.
    ///
    /// An accepted channel in clear without a preamble is open from here on, and is not told so.
    package func attach(_ handler: any ChannelHandler) {
        attached = handler
        guard phase == .open, !isOpened, !isSecure, preamble == nil else { return }
        isOpened = true
        enterRing()
    }

    package var handler: (any ChannelHandler)? { attached }
    /// At most so many bytes are read at once: what the reader above has room for.
    package var readLimit: Int {
        get { readMax }
        set {
            readMax = newValue
            if newValue < Self.ringReadLimitMin { leaveRing() }
        }
    }
    /// Who is charged for what the kernel has not taken; nil where nobody is.
    package var account: MemoryAccount? {
        get { charged }
        set { charged = newValue }
    }
    /// When the peer last took bytes of ours, or there was nothing for it to take.
    package internal(set) var lastProgress: Nanoseconds {
        get { progress }
        set { progress = newValue }
    }

    package var isClosed: Bool { phase == .closed }
    package var isEstablished: Bool { isOpened }
    /// The ring receives it, not the poller.
    package var isReceivingByRing: Bool { ringReceive == .open }
    /// ALPN agreed on `h2`.
    package var negotiatedHTTP2: Bool { tls?.alpn == .h2 }
    /// A session that a later connection to the same peer may resume; nil in clear.
    package var tlsSession: TLSSession? { tls?.session }
    /// Bytes that the kernel has not taken yet.
    package var backlog: Int { pending.count }

    // MARK: The verbs

    /// Asks for `channelFlush` in this turn's flush phase.
    package func mark() {
        guard phase != .closed, phase != .lingering else { return }
        markNow()
    }

    func markNow() {
        guard !isMarked else { return }
        isMarked = true
        loop.mark(self)
    }

    /// Pauses or resumes reading.
    ///
    /// - Parameter watchingHangup: while paused, still hear that the peer closed.
    package func setReading(_ reading: Bool, watchingHangup: Bool = false) {
        isReading = reading
        watchesHangup = reading || watchingHangup
        if reading { enterRing() } else { leaveRing() }
        updateInterest()
    }

    /// Lets the kernel acknowledge late: a peer that sends token after token need not hear of each.
    ///
    /// To be called with each read: the kernel goes back to acknowledging at once whenever an acknowledgement has been
    /// late, and so is told again with each eighth.
    package func acknowledgeLate() {
        guard !peer.isUnix else { return }
        reads &+= 1
        guard reads & 7 == 1 else { return }
        _ = clinux_set_integer_option(descriptor, clinux_IPPROTO_TCP, TCP_QUICKACK, 0)
    }

    /// Tests may want everything received by the ring.
    func enterRing() { if loop.choice == .ring { expectSmallReads() } }

    /// Many small reads are to come: they may be received by the ring, up to 32 KiB of them past a pause (what Linux
    /// 6.8 and later receives at once for one socket: 32 buffers).
    package func expectSmallReads() {
        guard ringReceive == .none, phase == .open, isOpened, isReading, !hasEnded, readLimit >= Self.ringReadLimitMin,
            let registration, let ring = loop.receiveRing, ring.receive(registration, descriptor: descriptor)
        else { return }
        ringReceive = .open
        updateInterest()
    }

    /// Back to the poller, once the ring has let go.
    func leaveRing() {
        guard ringReceive == .open, let registration, let ring = loop.receiveRing else { return }
        ringReceive = .leaving
        ring.cancel(registration)
    }

    /// What the ring has received.
    ///
    /// - Parameters:
    ///   - result: how many bytes, 0 at the end, or an errno below 0.
    ///   - isLast: the ring has let go of the socket.
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
        // Out of buffers for a moment, or back to the poller, which tells what has come meanwhile.
        if result == -Int(ENOBUFS) { expectSmallReads() }
        if ringReceive == .none { enterRing() }
        if ringReceive == .none { updateInterest() }
    }

    /// Closes at once; what was not written is lost.
    package func close() {
        guard phase != .closed else { return }
        phase = .closed
        leaveRing()
        if ringReceive != .none { loop.receiveRing?.submit() }
        if let closingTimer { loop.timers.cancel(closingTimer) }
        closingTimer = nil
        if let registration { loop.unregister(registration, descriptor: descriptor) }
        registration = nil
        loop.releaseLater(self)
    }

    /// Closes with a TCP reset, so that the peer cannot take what it has for the whole.
    package func reset() {
        guard phase != .closed else { return }
        _ = clinux_set_linger(descriptor, 0)
        close()
    }

    /// The descriptor is closed and the handler let go, at the end of the turn.
    func release() {
        _ = Glibc.close(descriptor)
        let last = handler
        attached = nil
        last?.channelReleased(self)
        tls = nil
        preamble = nil
        pending.removeAll()
        chargePending()
        account = nil
    }

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
        // The ring hears of the end by itself.
        guard ringReceive == .none else { return }
        if events & (clinux_EPOLLRDHUP | clinux_EPOLLHUP | clinux_EPOLLERR) != 0 { hasHungUp = true }
        if events & (clinux_EPOLLIN | clinux_EPOLLERR | clinux_EPOLLHUP) != 0 {
            if isReading || phase == .lingering {
                readOnce()
            } else if events & (clinux_EPOLLERR | clinux_EPOLLHUP) != 0 {
                hungUpWhilePaused()
                return
            }
        }
        if phase != .closed, events & clinux_EPOLLRDHUP != 0, !isReading, watchesHangup { end(.closed) }
    }

    /// Errors and hangups are reported whether asked for or not.
    private func hungUpWhilePaused() {
        let code = clinux_socket_error(descriptor)
        if let failure = writeFailure ?? (code != 0 || hasEnded ? SystemError("read", code) : nil) {
            end(.failed(failure))
        } else if watchesHangup {
            end(.closed)
        } else if let registration {
            // A unix peer that has closed in order: what it sent is still to be read, and its event cannot be masked.
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

    /// The turn after one in which there was more to read than was read: the poller tells of it only once (EPOLLET
    /// saves a second look at each socket a turn).
    func readAgain() {
        isRevisited = false
        guard ringReceive == .none else { return }
        if phase == .lingering || isReading && (phase == .open || phase == .closing) { readOnce() }
    }

    func revisit() {
        guard !isRevisited, phase != .closed else { return }
        isRevisited = true
        loop.revisit(self)
    }

    private func readOnce() {
        let limit = min(EventLoop.readSize, max(1024, readLimit))
        // recv, not read: it goes past the file layer.
        let count = unsafe recv(descriptor, loop.readBuffer.baseAddress, limit, 0)
        if count > 0 {
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

    /// Hands bytes off the socket to what lies above, through TLS if there is TLS.
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

    /// Takes what the wire was fed through TLS, piece by piece.
    private func decrypt() {
        while phase != .closed {
            let result = unsafe tls!.read(into: loop.plaintextBuffer)
            takeWireOutput()
            if !isOpened, tls?.isEstablished == true {
                isOpened = true
                enterRing()
                handler?.channelOpened(self)
                if phase == .closed { return }
            }
            switch result {
            case .bytes(let count):
                let bytes = unsafe UnsafeBufferPointer(
                    rebasing: loop.plaintextBuffer.bindMemory(to: UInt8.self)[..<count]
                )
                unsafe handler?.channel(self, received: bytes.span)
            // What the handler made the other connections of this worker do may have used the wire: it may not.
            case .wantsMore: return
            case .closed:
                end(.closed)
                return
            case .failed(let error):
                flushPending()
                end(.tls(error))
                return
            }
        }
    }

    private func takeWireOutput() {
        let output = unsafe loop.wire.output
        guard unsafe !output.isEmpty else { return }
        unsafe pending.append(output)
        loop.wire.clearOutput()
        chargePending()
        markNow()
    }

    func end(_ end: ChannelEnd) {
        if case .closed = end, phase == .closing, !hasEnded {
            // Done speaking, but perhaps still listening: what is left goes out first.
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
