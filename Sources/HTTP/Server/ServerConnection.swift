// A client's connection: finds out which protocol it speaks, and ends it when it idles or stalls.
package import Transport

/// The protocol half of a connection: HTTP/1.1 or HTTP/2.
protocol ServerProtocol: AnyObject {
    func receive(_ bytes: Span<UInt8>)
    func ended(_ end: ClientEnd)
    func flush(into scratch: Scratch)
    func drained()
    /// No new requests from now on; ends when those under way have ended.
    func drain()
    /// A deadline that the protocol had asked for.
    func deadlinePassed()
    /// Requests that have no whole response yet.
    var activeStreams: Int { get }
}

/// One client's connection, from accept to close.
///
/// Confined to its worker.
package final class ServerConnection: ChannelHandler, TimerTarget {
    /// A client that has connected and asked for nothing yet, when the server drains: its first request may be on the
    /// way, and has so long to begin.
    static let firstRequestPeriod: Nanoseconds = 1_000_000_000

    package let channel: Channel
    package let settings: ServerSettings
    package let environment: HTTP2Environment
    /// Who is connected.
    ///
    /// A stage before TLS that tells the client's address (`ChannelPreamble`), or a client's certificate, would have
    /// it made when the channel opens.
    package let client: Client
    /// What the client makes us hold by this connection.
    package let account: MemoryAccount
    /// The key of the connection in the table of the delegate, which sets it; one of no table until then.
    package var key = SlabKey(index: .max, generation: .max)

    let delegate: any ServerDelegate
    private var wire: (any ServerProtocol)?
    private var preface: [UInt8] = []
    private var deadline = Deadline()
    private var isDraining = false
    private var isEnded = false

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
    /// To be called once, by whoever accepted the socket.
    package func start() {
        channel.account = account
        channel.attach(self)
        let loop = channel.loop
        let wait = channel.isSecure ? settings.handshakeTimeout : settings.headerTimeout
        setDeadline(loop.now + wait)
    }

    package var isSecure: Bool { channel.isSecure }
    package var activeStreams: Int { wire?.activeStreams ?? 0 }

    /// Ends it after the requests that are under way; at once when there are none.
    ///
    /// One that was accepted a moment ago has `firstRequestPeriod` for its handshake and first request, lest a restart
    /// refuse those who come in that moment.
    package func drain() {
        isDraining = true
        if let wire { wire.drain() } else { setDeadline(channel.loop.now + Self.firstRequestPeriod) }
    }

    /// Ends it now, whatever is under way.
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
        // What comes after the end is read, lest the close be a reset that takes our last words with it; and dropped.
        guard !isEnded else { return }
        if let wire { wire.receive(bytes) } else { sniff(bytes) }
    }

    /// On a connection in clear the first bytes say which protocol it is (RFC 9113 section 3.3, prior knowledge).
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
        if let http2 = wire as? HTTP2ServerSession { http2.start() } else { (wire as? HTTP1ServerSession)?.start() }
        if isDraining { wire.drain() }
    }

    /// `Upgrade: h2c`: HTTP/2 from here on, with the request as stream 1.
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

    /// The protocol is done: what is queued goes out, then the connection closes.
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

    /// TLS is not established yet, and may still fail.
    private var isShakingHands: Bool { channel.isSecure && wire == nil && !isEnded }
}
