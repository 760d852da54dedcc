// A client's connection. It detects which HTTP version the client speaks, and passes received bytes to a session for
// this version.
package import Transport

/// The protocol session of a connection: an `HTTP1ServerSession` or an `HTTP2ServerSession`.
///
/// Every call comes from the connection, on the thread of its worker.
protocol ServerProtocol: AnyObject {
    /// Begins the session, after the channel has opened.
    func start()
    /// Bytes have arrived.
    ///
    /// The bytes are valid only during the call.
    func receive(_ bytes: Span<UInt8>)
    /// The connection has closed or is about to close.
    ///
    /// The session makes the last call to the handler of each request: `clientLeft` or `responseFinished`.
    func ended(_ end: ClientEnd)
    /// A new turn of the event loop has begun, in which the session reads the bytes that it kept in the previous turn.
    ///
    /// The session has asked for this call with `Channel.continueNextTurn`.
    func continueReceiving()
    /// Appends output to `scratch`, when the event loop writes the output of its connections.
    func flush(into scratch: Scratch)
    /// The kernel has taken all output that was queued so far.
    func drained()
    /// Ends the connection in the way that `drain` names.
    ///
    /// If the connection is already draining because of an upgrade (`.handedOver`) and the server then ends, a second
    /// call follows (`.stopping`).
    func drain(_ drain: ConnectionDrain)
    /// The deadline that the session set with `setDeadline` has passed.
    func deadlinePassed()
    /// The number of requests whose response is not complete.
    var activeStreams: Int { get }
}

/// One client's connection, from accept to close.
///
/// A connection is used only by its worker thread.
package final class ServerConnection: ChannelHandler, TimerTarget {
    /// How long each step of a new connection may still take when the server ends: a PROXY header, the TLS handshake,
    /// and on HTTP/1.1 the head of the first request.
    ///
    /// The request may already be on its way when the server begins to end.
    static let firstRequestPeriod: Nanoseconds = 1_000_000_000
    /// How many request bodies on this connection wait for memory.
    ///
    /// The bytes of these bodies fill the flow-control window that all streams of an HTTP/2 connection share. So the
    /// client may be unable to send its other bodies, and those others must not be refused as too slow.
    package var heldBodies = 0
    /// The number of refused requests in quick succession after which the connection has to end.
    ///
    /// In the long run, 5 refused requests a second are tolerated.
    static let refusalsMax = 50

    /// The socket, with TLS if the listener uses TLS.
    package let channel: Channel
    /// The limits and deadlines of the listener.
    package let settings: ServerSettings
    /// Whether a rule of the listener may refuse, answer or redirect a request (`ServerSettings.hasRequestRules`).
    ///
    /// The value is stored here because each request needs it. Code in another module would copy all of `settings` to
    /// read it there.
    package let hasRequestRules: Bool
    /// Whether trusted peers of the listener name their clients in header fields.
    package let namesClientsInFields: Bool
    /// Whether the operator adds fields to all responses of the listener.
    let hasResponseFields: Bool
    /// The state that all HTTP/2 sessions of the worker thread share.
    package let environment: HTTP2Environment
    /// The client that opened the connection.
    ///
    /// The client is the peer of the socket, until a PROXY header has given the address of another client. A request
    /// may have another client than its connection: `client(of:)` returns the client of a request.
    package private(set) var client: Client
    /// The memory account that is charged for everything that the server holds in memory for this connection.
    package let account: MemoryAccount
    /// The key under which the delegate stores the connection in its table.
    ///
    /// The delegate sets the key. Until then, the key refers to no connection.
    package var key = SlabKey(index: .max, generation: .max)

    /// The client's certificate, which has been verified; nil if the client presented none, and before the handshake is
    /// complete.
    package private(set) var clientCertificate: ClientCertificate?
    /// Counts the connection for the limits of its client's address; nil if the connection is not counted.
    ///
    /// The worker sets this property. When the socket is closed, the connection calls `hold.end`, and is no longer
    /// counted.
    package var hold: (any ConnectionHold)?

    let delegate: any ServerDelegate
    private var wire: (any ServerProtocol)?
    private var preface: [UInt8] = []
    private var deadline = Deadline()
    /// How the connection drains, which means that it ends after its requests; nil if it does not drain.
    private var draining: ConnectionDrain?
    /// Whether the connection still waits for the PROXY header that its peer must send.
    private var awaitsProxyHeader = false
    private var isEnded = false
    private var refusals = TokenBucket(period: 10_000_000_000)

    /// - Parameters:
    ///   - preamble: the part of `channel` that reads the PROXY header first; nil if the peer need not send a PROXY
    ///     header.
    ///   - delegate: makes the handlers of requests. The delegate must live until it has received `connectionEnded`.
    package init(
        channel: Channel,
        settings: ServerSettings,
        environment: HTTP2Environment,
        account: MemoryAccount = MemoryAccount(),
        preamble: ProxyPreamble? = nil,
        delegate: any ServerDelegate
    ) {
        self.channel = channel
        self.settings = settings
        hasRequestRules = settings.hasRequestRules
        namesClientsInFields = settings.access.source.isField
        hasResponseFields = !settings.responseFields.isEmpty
        self.environment = environment
        self.account = account
        self.delegate = delegate
        client = Client(
            peer: channel.peer,
            isPeerTrusted: settings.access.trusts(channel.peer),
            trusted: settings.isTrusted
        )
        guard let preamble else { return }
        awaitsProxyHeader = true
        preamble.accepts = { [unowned self] header in proxyHeaderRead(header) }
        preamble.refused = { [unowned self] why in refuseProxyHeader(why) }
    }

    /// Begins to serve the connection.
    ///
    /// The code that accepted the socket calls this function once.
    package func start() {
        channel.account = account
        channel.closingBytesPerSecondMin = settings.readBytesPerSecondMin
        if !client.trusted { channel.countWork(RecentWork.connection) }
        channel.attach(self)
        setDeadline(channel.loop.now + (awaitsProxyHeader ? ProxyPreamble.timeout : firstWait))
    }

    /// How long the client may take for its handshake, or for its first request on a connection without TLS.
    private var firstWait: Nanoseconds { channel.isSecure ? settings.handshakeTimeout : settings.headerTimeout }

    // MARK: The client

    /// Sets the client that the PROXY header names.
    ///
    /// Returns false if a rule of the listener or a limit for the client's address refuses the connection.
    private func proxyHeaderRead(_ header: ProxyHeader) -> Bool {
        awaitsProxyHeader = false
        if let address = header.client {
            client = Client(
                peer: channel.peer,
                address: address,
                source: .proxyProtocol,
                isPeerTrusted: true,
                trusted: settings.isTrusted
            )
            if let refusal = settings.access.refusal(ofClient: client.address) {
                delegate.clientRefused(refusal, client, detail: nil)
                endBeforeClient()
                return false
            }
            if !delegate.clientIdentified(on: self) {
                endBeforeClient()
                return false
            }
        }
        setDeadline(channel.loop.now + (draining == .stopping ? Self.firstRequestPeriod : firstWait))
        return true
    }

    private func refuseProxyHeader(_ why: StaticString) {
        awaitsProxyHeader = false
        delegate.clientRefused(.proxyHeader, client, detail: why)
        endBeforeClient()
    }

    /// Ends the connection, because its PROXY header is missing, invalid or names a refused client.
    ///
    /// The channel closes itself afterwards.
    private func endBeforeClient() {
        isEnded = true
        finish(.edge)
    }

    /// The client that sent a request with these fields.
    ///
    /// The result is the client of the connection, unless a trusted peer gives another address in the configured header
    /// field.
    func client(of fields: FieldBlock) -> Client {
        let access = settings.access
        guard access.source.isField, client.isPeerTrusted, let trusted = access.trustedPeers?.current,
            let address = ForwardedAddress.client(in: fields, from: access.source, trusted: trusted)
        else { return client }
        return Client(
            peer: client.peer,
            address: address,
            source: access.source,
            isPeerTrusted: true,
            trusted: client.trusted
        )
    }

    /// Identifies the client of a request, and asks the delegate for the request's handler.
    func handler(for head: RequestHead, on stream: ServerStream) -> any ServerStreamHandler {
        if namesClientsInFields { stream.identify(client(of: head.fields)) }
        return delegate.handler(for: head, on: stream)
    }

    /// Counts a request that is refused because of a limit for the client's address, or that broke a rule of HTTP/2.
    ///
    /// - Returns: false if the connection has to end, because too many of its requests were refused. The result is
    ///   always true for a trusted connection, which carries the requests of many users.
    func toleratesRefusal() -> Bool {
        client.trusted || refusals.take(1, of: Self.refusalsMax, at: channel.loop.now) == nil
    }

    /// Counts a request, served or refused, as work that the client has caused.
    ///
    /// If a connection has lately caused much work, its work waits until the other connections are served
    /// (`Channel.yields`).
    func countRequest() {
        if !client.trusted { channel.countWork(RecentWork.request) }
    }

    /// Counts a response with a 4xx status as further work that the client has caused.
    ///
    /// If a connection has lately caused much work, its work waits until the other connections are served
    /// (`Channel.yields`). A trusted connection carries the requests of many users. Its work is not counted, so that a
    /// few of its users cannot slow down the others.
    func countResponse(status: Int) {
        if status >= 400, status < 500, !client.trusted { channel.countWork(RecentWork.refusal) }
    }

    /// Whether the connection uses TLS.
    package var isSecure: Bool { channel.isSecure }
    /// The number of requests whose response is not complete.
    package var activeStreams: Int { wire?.activeStreams ?? 0 }

    /// Ends the connection gracefully, in the way that `drain` names.
    ///
    /// A client that has just connected is not refused. If the server ends, the client has `firstRequestPeriod` for its
    /// handshake and again for its first request. After a hand-over to a successor process, the client has the usual
    /// time.
    ///
    /// If the connection is already draining because of an upgrade (`.handedOver`), a call with `.stopping` ends it
    /// sooner. Any other second call does nothing.
    package func drain(_ drain: ConnectionDrain = .stopping) {
        guard draining == nil || draining == .handedOver && drain == .stopping else { return }
        draining = drain
        if drain == .handedOver { channel.linger = .untilAcknowledged }
        if let wire {
            wire.drain(drain)
        } else if drain == .stopping {
            setDeadline(channel.loop.now + Self.firstRequestPeriod)
        }
    }

    /// Closes the connection now, even if requests are under way.
    package func close(_ end: ClientEnd) {
        guard !isEnded else { return }
        isEnded = true
        channel.close()
        finish(end)
    }

    // MARK: ChannelHandler

    package func channelOpened(_ channel: Channel) {
        guard channel.isSecure else { return }
        clientCertificate = channel.clientCertificate
        hold?.handshakeEnded()
        if channel.negotiatedHTTP2 {
            begin(HTTP2ServerSession(connection: self))
        } else {
            begin(HTTP1ServerSession(connection: self))
        }
    }

    package func channel(_ channel: Channel, received bytes: Span<UInt8>) {
        // Bytes that arrive after the connection has begun to close are read and dropped. If they stayed unread, the
        // kernel would close the socket with a TCP reset, and the client could lose the last response.
        guard !isEnded else { return }
        if let wire { wire.receive(bytes) } else { sniff(bytes) }
    }

    /// Detects the HTTP version on a connection without TLS by its first bytes (prior knowledge, RFC 9113 section
    /// 3.3).
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
        if let draining { wire.drain(draining) }
    }

    /// Replaces the HTTP/1.1 session with an HTTP/2 session after `Upgrade: h2c`.
    ///
    /// The request becomes stream 1.
    ///
    /// - Parameter rest: the bytes that arrived after the request.
    func upgrade(_ request: UpgradedRequest, rest: Span<UInt8>) {
        let http2 = HTTP2ServerSession(connection: self)
        wire = http2
        deadline.clear()
        http2.start(upgrading: request)
        if let draining { http2.drain(draining) }
        if !rest.isEmpty { http2.receive(rest) }
    }

    package func channel(_ channel: Channel, ended end: ChannelEnd) {
        if isShakingHands, handshakeEnded(end) { return }
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

    /// Reports a TLS handshake that has failed.
    ///
    /// If the client's certificate is refused, the client may already have sent its first request. So `closeAfterAlert`
    /// closes the connection in such a way that the client can still read the alert.
    ///
    /// - Returns: whether this function has begun to close the connection.
    private func handshakeEnded(_ end: ChannelEnd) -> Bool {
        guard case .tls(let error) = end else {
            delegate.handshakeFailed(.closed)
            return false
        }
        let failure = HandshakeFailure(error)
        delegate.handshakeFailed(failure)
        guard failure.isOfClientCertificate else { return false }
        delegate.refusedCertificate(error.reason, on: self)
        isEnded = true
        channel.closeAfterAlert()
        finish(.violation("the client's certificate was refused"))
        return true
    }

    package func handshakeClient(_ channel: Channel) -> HandshakeClient {
        // `isTrustedPeer` is true for a trusted proxy that has named no client. If a PROXY header has named one,
        // `client` is that client, and the trust in the proxy does not make it known.
        HandshakeClient(
            address: IPAddress(client.address),
            isKnown: client.trusted || client.isTrustedPeer || delegate.isKnown(client)
        )
    }

    package func channelFlush(_ channel: Channel, into scratch: Scratch) { wire?.flush(into: scratch) }
    package func channelContinues(_ channel: Channel) {
        if !isEnded { wire?.continueReceiving() }
    }
    package func channelDrained(_ channel: Channel) { wire?.drained() }

    package func channelReleased(_ channel: Channel) {
        if !isEnded { close(.edge) }
        wire = nil
        hold?.end()
        hold = nil
        account.close()
        delegate.connectionEnded(self)
    }

    /// Closes the connection once the queued output has been sent.
    ///
    /// - Parameter abruptly: whether to close with a TCP reset, for a response that must not look complete.
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

    /// Sets the single timer of the connection, which replaces the previous deadline.
    func setDeadline(_ due: Nanoseconds) {
        guard !isEnded else { return }
        deadline.set(due, on: channel.loop, target: self, kind: 0)
    }
    func clearDeadline() { deadline.clear() }

    package func timerFired(_ kind: Int) {
        guard deadline.fired(on: channel.loop, target: self, kind: kind) else { return }
        if awaitsProxyHeader {
            delegate.clientRefused(.proxyHeader, client, detail: "none in time")
        } else if isShakingHands {
            delegate.handshakeFailed(.timeout)
        }
        if let wire { wire.deadlinePassed() } else { close(.edge) }
    }

    /// Whether the TLS handshake is under way.
    private var isShakingHands: Bool { channel.isSecure && wire == nil && !isEnded && !awaitsProxyHeader }
}
