// A byte-stream socket in a loop, with TLS or without. The only code that reads and writes sockets.
internal import CLinux
internal import Glibc

/// How a connection ended, as its handler learns it.
package enum ChannelEnd: Sendable {
    /// The peer closed its side in order (FIN, or close_notify).
    case closed
    /// The connection was reset, timed out or could not be made.
    case failed(SystemError)
    case tls(TLSError)
}

/// Receives the bytes and the events of a channel.
///
/// All calls come on the loop's thread. Once the channel is closed, only `channelReleased` is called.
package protocol ChannelHandler: AnyObject {
    /// The connection is established, the preamble has been read and the TLS handshake is done.
    ///
    /// Not called for an accepted channel without preamble and TLS, which is open as soon as it is attached.
    func channelOpened(_ channel: Channel)
    /// Plaintext bytes have arrived; they are valid during the call only.
    func channel(_ channel: Channel, received bytes: Span<UInt8>)
    /// The peer will send no more.
    ///
    /// If `end` is `.closed`, the peer has closed only its own direction: what is written still reaches it.
    func channel(_ channel: Channel, ended end: ChannelEnd)
    /// Called once in the flush phase of a turn in which the channel was marked: appends the output to `scratch`.
    ///
    /// A handler with more output than it appends marks the channel again, and is called in the next turn.
    func channelFlush(_ channel: Channel, into scratch: Scratch)
    /// The kernel has taken all output.
    func channelDrained(_ channel: Channel)
    /// The last call, at the end of the turn in which the channel was closed.
    ///
    /// The socket is closed; a handler breaks its reference cycles here.
    func channelReleased(_ channel: Channel)
}

/// A connected stream socket.
///
/// Confined to its loop. Properties that other modules read are private with accessors: then the compiler sees every
/// access and omits the runtime check of exclusive access (decision 0024).
package final class Channel: Registered, TimerTarget {
    enum Phase { case connecting, open, closing, lingering, closed }
    /// How long a closed channel waits for the peer to close its side.
    static let lingerMax: Nanoseconds = 2_000_000_000
    /// How long a closing channel waits while the peer accepts none of the remaining output.
    static let closingStallMax: Nanoseconds = 30_000_000_000

    /// The loop to whose thread the channel is confined.
    package let loop: EventLoop
    /// The address of the other end.
    package let peer: SocketAddress
    /// Whether the channel has TLS.
    package let isSecure: Bool
    private var attached: (any ChannelHandler)?
    private var readMax = EventLoop.readSize
    private var charged: MemoryAccount?
    private var progress: Nanoseconds

    // The following properties are used by Channel+Output.swift and Channel+Preamble.swift too.
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
    /// The preamble stage, until it is done; nil for a channel without one.
    var preamble: PreambleReader?
    var writeFailure: SystemError?

    var registration: SlabKey?
    var interest: UInt32
    var watchesHangup = true
    static let ringReadLimitMin = 16 << 10
    private var reads: UInt32 = 0
    private var isRevisited = false
    /// The poller has reported that the peer closed or reset the connection.
    ///
    /// An edge-triggered poller reports this once, so from then on the channel reads until it meets the end.
    var hasHungUp = false
    /// Whether the `ReceiveRing` receives this socket; `leaving` until the ring has confirmed the cancellation.
    enum RingReceive { case none, open, leaving }
    var ringReceive = RingReceive.none
    /// The poller no longer watches the socket: the peer has closed, and its last bytes wait until reading resumes.
    var isUnregistered = false

    /// Registers the socket with the loop; closes the socket when that fails.
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
    ///
    /// - Throws: when the socket cannot be created or watched, or when the system refuses the address at once.
    package static func connect(
        to address: SocketAddress,
        loop: EventLoop,
        tls: consuming TLSConnection? = nil
    ) throws(SystemError) -> Channel {
        let (socket, _) = try Sockets.connect(to: address)
        return try Channel(loop: loop, socket: socket, peer: address, tls: tls, pending: true)
    }

    /// Sets the handler, which the channel holds until it is released.
    ///
    /// An accepted channel without preamble and TLS is open from here on; `channelOpened` is not called for it.
    package func attach(_ handler: any ChannelHandler) {
        attached = handler
        guard phase == .open, !isOpened, !isSecure, preamble == nil else { return }
        isOpened = true
        enterRing()
    }

    package var handler: (any ChannelHandler)? { attached }
    /// The largest number of bytes read at once, for which the handler has room; at least 1024 are read.
    package var readLimit: Int {
        get { readMax }
        set {
            readMax = newValue
            if newValue < Self.ringReadLimitMin { leaveRing() }
        }
    }
    /// The account that is charged for output that the kernel has not taken; nil if no account is.
    package var account: MemoryAccount? {
        get { charged }
        set { charged = newValue }
    }
    /// When the kernel last took output of this channel, or the channel was created if it has taken none.
    package internal(set) var lastProgress: Nanoseconds {
        get { progress }
        set { progress = newValue }
    }

    /// Whether `close` or `reset` was called; the socket itself is closed at the end of the turn.
    package var isClosed: Bool { phase == .closed }
    /// Whether the connection, the preamble and the TLS handshake are complete.
    package var isEstablished: Bool { isOpened }
    /// Whether io_uring receives this socket, in place of the poller and `recv`.
    package var isReceivingByRing: Bool { ringReceive == .open }
    /// Whether the TLS handshake agreed on HTTP/2 by ALPN.
    package var negotiatedHTTP2: Bool { tls?.alpn == .h2 }
    /// A TLS session that a later connection to the same peer can resume; nil without TLS.
    package var tlsSession: TLSSession? { tls?.session }
    /// Bytes of output that the kernel has not taken yet.
    package var backlog: Int { pending.count }

    // MARK: Operations

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
    /// - Parameter watchingHangup: whether the handler is notified if the peer closes while reading is paused.
    package func setReading(_ reading: Bool, watchingHangup: Bool = false) {
        isReading = reading
        watchesHangup = reading || watchingHangup
        if reading { enterRing() } else { leaveRing() }
        updateInterest()
    }

    /// Delays TCP acknowledgements, so that a peer that sends one token after another gets fewer of them.
    ///
    /// Call it with each read. The kernel leaves this mode by itself, so every eighth call sets the option again.
    package func acknowledgeLate() {
        guard !peer.isUnix else { return }
        reads &+= 1
        guard reads & 7 == 1 else { return }
        _ = clinux_set_integer_option(descriptor, clinux_IPPROTO_TCP, TCP_QUICKACK, 0)
    }

    /// Closes at once; output that was not written is lost.
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

    /// Closes with a TCP reset, so that the peer cannot mistake what it has received for the complete answer.
    package func reset() {
        guard phase != .closed else { return }
        _ = clinux_set_linger(descriptor, 0)
        close()
    }

    /// Closes the descriptor and releases the handler; called at the end of the turn in which the channel was closed.
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
        // The ring gets the end of the stream as a completion.
        if ringReceive == .none { peerActed(events) }
    }

    /// Handles what the poller tells of the peer's side: bytes, their end, or an error.
    @inline(__always)
    private func peerActed(_ events: UInt32) {
        if events & (clinux_EPOLLRDHUP | clinux_EPOLLHUP | clinux_EPOLLERR) != 0 { hasHungUp = true }
        if readsNow, events & (clinux_EPOLLIN | clinux_EPOLLERR | clinux_EPOLLHUP) != 0 {
            readOnce()
        } else if !readsNow, events & (clinux_EPOLLERR | clinux_EPOLLHUP) != 0 {
            hungUpWhilePaused()
            return
        }
        if phase != .closed, events & clinux_EPOLLRDHUP != 0, !isReading, watchesHangup { end(.closed) }
    }

    /// Whether bytes of the peer are read: by the handler, or only to be dropped while the channel lingers.
    private var readsNow: Bool { isReading || phase == .lingering }

    /// Handles an error or a hangup while reading is paused: epoll reports both regardless of the interest.
    private func hungUpWhilePaused() {
        let code = clinux_socket_error(descriptor)
        if let failure = writeFailure ?? (code != 0 || hasEnded ? SystemError("read", code) : nil) {
            end(.failed(failure))
        } else if watchesHangup {
            end(.closed)
        } else if let registration {
            // A unix peer has closed normally. Its bytes remain to be read, and EPOLLHUP cannot be masked.
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

    /// Reads on in the turn after one in which some bytes were left unread.
    ///
    /// The poller is edge-triggered, which saves one event for each socket and turn, and does not report them again.
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
        // recv is cheaper than read, because it bypasses the file layer of the kernel.
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

    /// Passes bytes from the socket to the preamble, or to the handler, decrypted if the channel has TLS.
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
            // The peer sends no more, but it may still read: the remaining output is sent first.
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
