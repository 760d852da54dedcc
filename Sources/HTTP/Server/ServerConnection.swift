// A client's connection: finds out which protocol the client speaks, and hands the channel's events to it.
package import Transport

/// What a connection runs once it knows its protocol: an HTTP/1.1 or an HTTP/2 session.
///
/// Every call comes from the connection, on its worker.
protocol ServerProtocol: AnyObject {
    /// The first call; the channel is open.
    func start()
    /// Bytes have arrived; they are valid during the call.
    func receive(_ bytes: Span<UInt8>)
    /// The connection has ended or is about to close: every request under way has lost its client.
    func ended(_ end: ClientEnd)
    /// The flush phase of the loop's turn: appends output to `scratch`.
    func flush(into scratch: Scratch)
    /// The kernel has taken all output so far.
    func drained()
    /// Accepts no new requests, and ends the connection when those under way have ended.
    func drain()
    /// The deadline that the protocol had set by `setDeadline` has passed.
    func deadlinePassed()
    /// The number of requests without a whole response.
    var activeStreams: Int { get }
}

/// One client's connection, from accept to close.
///
/// Confined to its worker.
package final class ServerConnection: ChannelHandler, TimerTarget {
    /// Once the server drains, how long a client that has sent no request yet may take to send one, which may already
    /// be on its way.
    static let firstRequestPeriod: Nanoseconds = 1_000_000_000

    /// The socket, with TLS if the listener has it.
    package let channel: Channel
    /// The limits and deadlines of the listener.
    package let settings: ServerSettings
    /// What the HTTP/2 sessions of the worker share.
    package let environment: HTTP2Environment
    /// Who is connected.
    package let client: Client
    /// Charged for all memory that the server holds for this connection.
    package let account: MemoryAccount
    /// The key of the connection in the delegate's table; the delegate sets it, and until then it names no element.
    package var key = SlabKey(index: .max, generation: .max)

    let delegate: any ServerDelegate
    private var wire: (any ServerProtocol)?
    private var preface: [UInt8] = []
    private var deadline = Deadline()
    private var isDraining = false
    private var isEnded = false

    /// - Parameter delegate: makes the handlers of requests. It must outlive the connection's last call,
    ///   `connectionEnded`.
    package init(
        channel: Channel,
        settings: ServerSettings,
        environment: HTTP2Environment,
        account: MemoryAccount = MemoryAccount(),
        delegate: any ServerDelegate
    ) {
        self.channel = channel
        self.settings = settings
        self.environment = environment
        self.account = account
        self.delegate = delegate
        client = Client(peer: channel.peer, trusted: settings.isTrusted)
    }

    /// Begins to serve.
    ///
    /// The acceptor of the socket calls it once.
    package func start() {
        channel.account = account
        channel.attach(self)
        let loop = channel.loop
        let wait = channel.isSecure ? settings.handshakeTimeout : settings.headerTimeout
        setDeadline(loop.now + wait)
    }

    /// Whether the client speaks TLS.
    package var isSecure: Bool { channel.isSecure }
    /// The number of requests without a whole response.
    package var activeStreams: Int { wire?.activeStreams ?? 0 }

    /// Ends the connection after the requests that are under way, or at once if there are none.
    ///
    /// A connection that was accepted a moment ago has `firstRequestPeriod` for its handshake and first request, so
    /// that a restart does not refuse the clients that connect in that moment.
    package func drain() {
        isDraining = true
        if let wire { wire.drain() } else { setDeadline(channel.loop.now + Self.firstRequestPeriod) }
    }

    /// Ends the connection now, whatever is under way.
    package func close(_ end: ClientEnd) {
        guard !isEnded else { return }
        isEnded = true
        channel.close()
        finish(end)
    }

    // MARK: ChannelHandler

    package func channelOpened(_ channel: Channel) {
        guard channel.isSecure else { return }
        if channel.negotiatedHTTP2 {
            begin(HTTP2ServerSession(connection: self))
        } else {
            begin(HTTP1ServerSession(connection: self))
        }
    }

    package func channel(_ channel: Channel, received bytes: Span<UInt8>) {
        // Bytes after the end are read and dropped: if they stayed unread, the kernel would close by a reset, and the
        // client could lose the last response.
        guard !isEnded else { return }
        if let wire { wire.receive(bytes) } else { sniff(bytes) }
    }

    /// Finds out the protocol of a connection in clear by its first bytes (prior knowledge, RFC 9113 section 3.3).
    private func sniff(_ bytes: Span<UInt8>) {
        preface.append(bytes)
        let first = preface
        switch settings.speaksHTTP2 ? HTTP2Preface.detect(first.span) : .http1 {
        case .undecided: return
        case .http2: begin(HTTP2ServerSession(connection: self))
        case .http1: begin(HTTP1ServerSession(connection: self))
        }
        preface = []
        if let wire { wire.receive(first.span) }
    }

    private func begin(_ wire: any ServerProtocol) {
        deadline.clear()
        self.wire = wire
        wire.start()
        if isDraining { wire.drain() }
    }

    /// Replaces the HTTP/1.1 session by an HTTP/2 session after `Upgrade: h2c`; the request becomes stream 1.
    ///
    /// - Parameter rest: bytes that arrived behind the request.
    func upgrade(_ request: UpgradedRequest, rest: Span<UInt8>) {
        let http2 = HTTP2ServerSession(connection: self)
        wire = http2
        deadline.clear()
        http2.start(upgrading: request)
        if !rest.isEmpty { http2.receive(rest) }
    }

    package func channel(_ channel: Channel, ended end: ChannelEnd) {
        if isShakingHands {
            if case .tls(let error) = end {
                delegate.handshakeFailed(HandshakeFailure(error))
            } else {
                delegate.handshakeFailed(.closed)
            }
        }
        switch end {
        case .closed, .failed: close(.closed)
        case .tls(let error) where error.kind == .plainHTTP && wire == nil:
            delegate.spokeOtherwise(.http, on: self)
            channel.appendInClear(OtherProtocol.plainAnswer)
            closeWhenFlushed(.violation("the client spoke HTTP in clear to a port with TLS"))
        case .tls(let error):
            if error.kind == .proxyHeader { delegate.spokeOtherwise(.proxy, on: self) }
            close(.violation("TLS failed on the client's connection"))
        }
    }

    package func channelFlush(_ channel: Channel, into scratch: Scratch) { wire?.flush(into: scratch) }
    package func channelDrained(_ channel: Channel) { wire?.drained() }

    package func channelReleased(_ channel: Channel) {
        if !isEnded { close(.edge) }
        wire = nil
        account.close()
        delegate.connectionEnded(self)
    }

    /// Closes the connection once the queued output has gone out.
    ///
    /// - Parameter abruptly: closes by a reset, for a response that must not look whole.
    func closeWhenFlushed(_ end: ClientEnd = .edge, abruptly: Bool = false) {
        guard !isEnded else { return }
        isEnded = true
        channel.closeWhenFlushed(abruptly: abruptly)
        finish(end)
    }

    private func finish(_ end: ClientEnd) {
        deadline.cancel(on: channel.loop)
        wire?.ended(end)
    }

    // MARK: Deadlines

    /// Sets the one timer of the connection, and so replaces its previous deadline.
    func setDeadline(_ due: Nanoseconds) {
        guard !isEnded else { return }
        deadline.set(due, on: channel.loop, target: self, kind: 0)
    }
    func clearDeadline() { deadline.clear() }

    package func timerFired(_ kind: Int) {
        guard deadline.fired(on: channel.loop, target: self, kind: kind) else { return }
        if isShakingHands { delegate.handshakeFailed(.timeout) }
        if let wire { wire.deadlinePassed() } else { close(.edge) }
    }

    /// Whether the TLS handshake is under way and may still fail.
    private var isShakingHands: Bool { channel.isSecure && wire == nil && !isEnded }
}
