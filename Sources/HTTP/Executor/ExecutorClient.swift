// The connections of one worker to one executor: which of them carries a request, and when another one is opened.
package import Transport

/// Sends requests to one executor.
///
/// Confined to its worker. An HTTP/1.1 connection carries one request at a time and is kept alive between requests. An
/// HTTP/2 connection carries as many as the executor's MAX_CONCURRENT_STREAMS; then another connection is opened.
package final class ExecutorClient {
    /// The most requests that wait for one connection while it is opened.
    ///
    /// The executor has not said yet how many requests it accepts at once.
    static let dialStreamsMax = 100

    let loop: EventLoop
    let settings: ExecutorClientSettings
    let environment: ExecutorEnvironment
    /// Whether one connection carries many requests; nil until the first handshake has chosen the protocol by ALPN.
    private var isShared: Bool?
    /// Unused HTTP/1.1 connections.
    ///
    /// The connection that was used last is taken first, so that surplus ones reach their idle timeout.
    private var idle: [HTTP1ExecutorConnection] = []
    /// HTTP/2 connections.
    private var shared: [HTTP2ExecutorConnection] = []
    private var dials: [ExecutorDial] = []
    /// The TLS session that the next connection resumes.
    private var session: TLSSession?
    private var isRetired = false
    /// The number of connections, including those that are being opened.
    package private(set) var connections = 0
    /// The number of connections that have been opened, or tried, so far.
    package private(set) var opened = 0

    /// - Parameter environment: what the worker's clients share.
    package init(
        loop: EventLoop,
        settings: ExecutorClientSettings,
        environment: ExecutorEnvironment = ExecutorEnvironment()
    ) {
        self.loop = loop
        self.settings = settings
        self.environment = environment
        isShared =
            switch settings.version {
            case .http1: false
            case .http2: true
            case .auto: settings.tls == nil ? false : nil
            }
    }

    /// Sends a request on an open connection or on a new one.
    ///
    /// Failures are reported to `handler`, in this turn of the loop or in a later one.
    package func send(_ request: ExecutorRequest, handler: any ExecutorStreamHandler) -> any ExecutorStream {
        let attempt = ExecutorAttempt(client: self, request: request, handler: handler)
        place(attempt)
        return attempt
    }

    /// Closes unused connections; HTTP/2 connections in use close after their last request.
    package func closeIdle() {
        for connection in idle { connection.close() }
        for connection in shared { connection.retire() }
    }

    /// Ends the client: no new requests come, and each connection closes after those that it carries.
    package func retire() {
        isRetired = true
        closeIdle()
    }

    // MARK: Placing

    /// Finds a connection for the attempt, or opens one.
    ///
    /// - Parameter onFresh: do not use a connection that has been idle, since all of them may be stale.
    func place(_ attempt: ExecutorAttempt, onFresh: Bool = false) {
        if isShared == false {
            if !onFresh, let connection = idle.popLast() { connection.begin(attempt) } else { dial(attempt) }
            return
        }
        if let connection = shared.first(where: \.hasRoom) {
            connection.begin(attempt)
        } else if let dial = dials.first(where: { $0.waiting.count < Self.dialStreamsMax }) {
            dial.join(attempt)
        } else {
            dial(attempt)
        }
    }

    private func dial(_ attempt: ExecutorAttempt) {
        let dial = ExecutorDial(client: self)
        dials.append(dial)
        connections += 1
        opened += 1
        dial.join(attempt)
        dial.start()
    }

    // MARK: The end of a dial

    /// A dial has opened a channel, which gets the attempts that waited for it.
    func connected(_ channel: Channel, by dial: ExecutorDial, for waiting: [ExecutorAttempt]) {
        dials.removeAll { $0 === dial }
        if settings.version == .auto, settings.tls != nil { isShared = channel.negotiatedHTTP2 }
        guard isShared == true else {
            let connection = HTTP1ExecutorConnection(client: self, channel: channel)
            connection.begin(waiting[0])
            for attempt in waiting.dropFirst() { place(attempt) }
            return
        }
        let connection = HTTP2ExecutorConnection(client: self, channel: channel)
        shared.append(connection)
        connection.start(for: waiting)
        if isRetired { connection.retire() }
    }

    /// A dial has ended without a connection.
    func lost(_ dial: ExecutorDial) {
        dials.removeAll { $0 === dial }
        connections -= 1
    }

    // MARK: The end of a request or a connection

    /// Keeps an unused connection for the next request.
    ///
    /// - Returns: false if the connection must close instead.
    func keep(_ connection: HTTP1ExecutorConnection) -> Bool {
        guard !isRetired, idle.count < settings.idleMax, settings.idleTimeout > 0 else { return false }
        idle.append(connection)
        return true
    }

    /// A connection has closed.
    func lost(_ connection: HTTP1ExecutorConnection) {
        connections -= 1
        idle.removeAll { $0 === connection }
    }

    /// A connection has closed.
    func lost(_ connection: HTTP2ExecutorConnection) {
        connections -= 1
        shared.removeAll { $0 === connection }
    }

    // MARK: TLS

    /// The TLS side of a new connection; nil for an executor in clear.
    func makeTLS() throws(TLSError) -> TLSConnection? {
        guard let tls = settings.tls else { return nil }
        let context = try environment.context(caFile: tls.caFile, protocols: settings.protocols)
        return try TLSConnection.client(
            in: context,
            wire: loop.wire,
            serverName: tls.serverName,
            resuming: session
        )
    }

    /// Keeps the TLS session of a connection on which bytes have arrived: a TLS 1.3 executor has sent its tickets by
    /// then.
    func remember(_ channel: Channel) {
        guard settings.tls != nil, let session = channel.tlsSession else { return }
        self.session = session
    }
}
