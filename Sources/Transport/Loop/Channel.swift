// A stream socket in an event loop, with or without TLS. Only this type reads and writes stream sockets.
internal import CLinux
internal import Glibc

/// A connected stream socket.
///
/// Only the thread of its event loop uses a channel. The extensions contain the reading (`+Reading`), the output
/// (`+Output`), the preamble before the client's bytes (`+Preamble`), the TLS handshake (`+Handshake`), decryption
/// (`+TLS`), and reading through io_uring (`+Ring`).
///
/// Properties that other modules read have private storage, because the compiler then sees every access and omits
/// Swift's runtime check of exclusive access (docs/decisions/0024-exclusivity-is-checked-in-release-builds.md).
package final class Channel: Registered, TimerTarget {
    enum Phase { case connecting, open, closing, lingering, closed }
    /// How long a channel that has sent everything waits for the peer to close its side.
    package enum Linger: Sendable {
        /// The channel waits at most 2 s for the peer to close its side.
        case short
        /// The channel waits 5 s for the peer to close its side, and longer while the peer acknowledges output.
        ///
        /// If output is unacknowledged after the first 5 s, the channel waits 5 s more. It waits another 5 s each time
        /// the peer has acknowledged some, but not all, of this output in the last 5 s. It waits at most 60 s in all.
        ///
        /// If the socket were closed earlier, this machine's kernel would answer further bytes of the peer with a TCP
        /// reset, and would discard the output that the peer has not acknowledged yet.
        case untilAcknowledged

        /// How long the channel waits before each check of whether the peer has acknowledged further output.
        var period: Nanoseconds { self == .short ? 2_000_000_000 : 5_000_000_000 }
        /// The longest time that the channel waits in all for the peer to close its side.
        var longest: Nanoseconds { self == .short ? 2_000_000_000 : 60_000_000_000 }
    }
    /// How long a closing channel waits for the kernel to accept more of its remaining output: 30 s.
    static let closingStallMax: Nanoseconds = 30_000_000_000

    /// The event loop of the channel.
    package let loop: EventLoop
    /// The address of the peer.
    package let peer: SocketAddress
    /// Whether the channel has TLS.
    package let isSecure: Bool
    private var attached: (any ChannelHandler)?
    private var readMax = EventLoop.readSize
    private var charged: MemoryAccount?
    private var progress: Nanoseconds

    // Most of the following properties are not private, because the files Channel+*.swift use them.
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
    private var closingPace = 0
    /// How long the channel waits for the peer to close its side, after everything was sent.
    package var linger = Linger.short
    /// The latest time at which a lingering channel, which waits for the peer to close, closes the connection.
    var lingerEnd: Nanoseconds = 0
    /// How many bytes of output were unacknowledged at the last check of the lingering channel.
    var unacknowledged = CInt.max
    /// Checks whether the peer reads the remaining output of a closing channel fast enough.
    var readPace = ReadPace()
    /// How many bytes of waiting output (`pending`) the kernel has accepted since the channel was created.
    var pendingTaken = 0
    /// Reads the preamble, the bytes that a proxy sends first; nil once they are read, or if there are none.
    var preamble: PreambleReader?
    var handshake = ChannelHandshake()
    var writeFailure: SystemError?

    var registration: SlabKey?
    var interest: UInt32
    var watchesHangup = true
    static let ringReadLimitMin = 16 << 10
    private var reads: UInt32 = 0
    var isRevisited = false
    var recentWork = RecentWork()
    /// Whether the channel is in the loop's `YieldQueue`, where it lets other channels go first, because its client has
    /// lately caused much work.
    var awaitsTurn = false
    /// Whether the handler has asked for a call of `channelContinues`.
    var continuesNextTurn = false
    /// Whether epoll has reported that the peer closed or reset the connection.
    ///
    /// With EPOLLET, epoll reports the hangup only once. So from then on, the channel reads until the end of the
    /// stream.
    var hasHungUp = false
    /// Whether io_uring receives for this socket.
    ///
    /// The state is `leaving` from when the channel cancels receiving through io_uring until the kernel has confirmed
    /// the cancellation.
    enum RingReceive { case none, open, leaving }
    var ringReceive = RingReceive.none
    /// Whether epoll no longer watches the socket, because the peer closed while reading was paused.
    ///
    /// The peer's last bytes stay in the kernel until reading resumes.
    var isUnregistered = false

    /// Registers the socket with the loop.
    ///
    /// If that fails, the initializer closes the socket.
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
    /// - Parameter preamble: reads the bytes that a proxy sends before the client's own bytes and TLS, such as a PROXY
    ///   protocol header; nil if there are none.
    /// - Throws: when epoll cannot watch another socket. The socket is then closed.
    package static func accept(
        _ socket: Socket,
        peer: SocketAddress,
        loop: EventLoop,
        tls: consuming TLSConnection? = nil,
        preamble: (any ChannelPreamble)? = nil
    ) throws(SystemError) -> Channel {
        let channel = try Channel(loop: loop, socket: socket, peer: peer, tls: tls, pending: false)
        if let preamble {
            channel.preamble = PreambleReader(preamble)
            // The first bytes of the TLS handshake may arrive together with the preamble, which a proxy sends first.
            // These bytes stay in memory while the handshake waits. The smaller read limit bounds this memory.
            if channel.isSecure { channel.readMax = preamble.bytesMax }
        } else {
            channel.handshake.isGated = channel.isSecure
        }
        return channel
    }

    /// Begins to connect.
    ///
    /// In a later turn of the loop, the channel calls `channelOpened` or `channel(_:ended:)`.
    ///
    /// - Throws: when the socket cannot be created or watched, or when the system rejects the address at once.
    package static func connect(
        to address: SocketAddress,
        loop: EventLoop,
        tls: consuming TLSConnection? = nil
    ) throws(SystemError) -> Channel {
        let (socket, _) = try Sockets.connect(to: address)
        return try Channel(loop: loop, socket: socket, peer: address, tls: tls, pending: true)
    }

    /// Sets the handler; the channel retains the handler until the call of `channelReleased`.
    ///
    /// An accepted channel is ready at once if it has no TLS and no preamble, the bytes that a proxy sends first. Its
    /// handler then gets no call of `channelOpened`.
    package func attach(_ handler: any ChannelHandler) {
        attached = handler
        guard phase == .open, !isOpened, !isSecure, preamble == nil else { return }
        isOpened = true
        enterRing()
    }

    package var handler: (any ChannelHandler)? { attached }
    /// The maximum number of bytes that the channel reads at once.
    ///
    /// A handler lowers this number if it can store only a limited number of bytes.
    ///
    /// A value below 1024 counts as 1024, and a value above 65,536 counts as 65,536.
    package var readLimit: Int {
        get { readMax }
        set {
            readMax = newValue
            if newValue < Self.ringReadLimitMin { leaveRing() }
        }
    }
    /// The account that the channel charges for output that the kernel has not accepted yet; nil to charge nothing.
    package var account: MemoryAccount? {
        get { charged }
        set { charged = newValue }
    }
    /// When the kernel last accepted output of this channel.
    ///
    /// Before the first output, it is the time when the channel was created.
    package internal(set) var lastProgress: Nanoseconds {
        get { progress }
        set { progress = newValue }
    }

    /// The lowest rate, in bytes per second, at which the peer of a closing channel must take the remaining output; 0
    /// for no limit.
    package var closingBytesPerSecondMin: Int {
        get { closingPace }
        set { closingPace = newValue }
    }

    /// Whether the channel is closed.
    ///
    /// The descriptor itself stays open until the end of the loop's turn.
    package var isClosed: Bool { phase == .closed }
    /// Whether the connection is established, the bytes that a proxy sends first are read, and the TLS handshake is
    /// complete.
    package var isEstablished: Bool { isOpened }
    /// Whether io_uring receives for this socket, instead of epoll and `recv`.
    package var isReceivingByRing: Bool { ringReceive == .open }
    /// Whether the TLS handshake agreed on HTTP/2 by ALPN.
    package var negotiatedHTTP2: Bool { tls?.alpn == .h2 }
    /// The TLS session, which a later connection to the same peer can resume; nil without TLS.
    package var tlsSession: TLSSession? { tls?.session }
    /// The certificate that the client presented in its TLS handshake; nil if it presented none.
    package var clientCertificate: ClientCertificate? { tls?.clientCertificate }
    /// How many bytes of output the kernel has not accepted yet.
    package var backlog: Int { pending.count }

    // MARK: Operations

    /// Requests a call of the handler's `channelFlush` when the loop next writes output.
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
    /// - Parameter watchingHangup: whether the channel calls `channel(_:ended:)` if the peer closes while reading is
    ///   paused.
    package func setReading(_ reading: Bool, watchingHangup: Bool = false) {
        isReading = reading
        watchesHangup = reading || watchingHangup
        if reading { enterRing() } else { leaveRing() }
        updateInterest()
    }

    /// Delays TCP acknowledgments, so that fewer acknowledgments go to a peer that sends one token after another.
    ///
    /// Call this after each read. The kernel can end the delay on its own, so every eighth call clears TCP_QUICKACK
    /// again.
    package func acknowledgeLate() {
        guard !peer.isUnix else { return }
        reads &+= 1
        guard reads & 7 == 1 else { return }
        _ = clinux_set_integer_option(descriptor, clinux_IPPROTO_TCP, TCP_QUICKACK, 0)
    }

    /// Closes at once, and discards output that the kernel has not accepted.
    package func close() {
        guard phase != .closed else { return }
        phase = .closed
        leaveGate()
        leaveRing()
        if ringReceive != .none { loop.receiveRing?.submit() }
        if let closingTimer { loop.timers.cancel(closingTimer) }
        closingTimer = nil
        if let registration { loop.unregister(registration, descriptor: descriptor) }
        registration = nil
        loop.releaseLater(self)
    }

    /// Closes with a TCP reset, so that the peer cannot mistake a truncated response for a complete one.
    package func reset() {
        guard phase != .closed else { return }
        _ = clinux_set_linger(descriptor, 0)
        close()
    }

    /// Closes the descriptor and releases the handler, at the end of the loop's turn in which the channel was closed.
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
}
