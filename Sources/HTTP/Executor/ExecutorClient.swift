// One executor, as one worker sees it: its connections, which of them carries a request, and when another is opened.
package import Transport

/// Keeps connections to one executor.
///
/// HTTP/1.1 carries a request each and is kept alive between them. HTTP/2 carries many on one connection, up to the
/// executor's MAX_CONCURRENT_STREAMS; then another is opened. Confined to its worker.
package final class ExecutorClient {
    /// How many requests wait for one connection that is not there yet, before its executor has said how many it takes.
    static let dialStreamsMax = 100

    let loop: EventLoop
    let settings: ExecutorClientSettings
    let environment: ExecutorEnvironment
    /// Whether one connection carries many requests; nil until an executor's ALPN has told.
    private var isShared: Bool?
    /// Unused HTTP/1.1 connections.
    ///
    /// The one used last is taken first: the others may go idle and close.
    private var idle: [HTTP1ExecutorConnection] = []
    private var shared: [HTTP2ExecutorConnection] = []
    private var dials: [ExecutorDial] = []
    /// To resume with the next connection.
    private var session: TLSSession?
    private var isRetired = false
    /// Those that are being opened among them.
    package private(set) var connections = 0
    package private(set) var opened = 0

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

    /// Sends a request.
    ///
    /// Failures come by `handler`, in a later turn or in this one.
    package func send(_ request: ExecutorRequest, handler: any ExecutorStreamHandler) -> any ExecutorStream {
        let attempt = ExecutorAttempt(client: self, request: request, handler: handler)
        place(attempt)
        return attempt
    }

    /// Closes the connections that nobody uses; those in use close after their last request.
    package func closeIdle() {
        for connection in idle { connection.close() }
        for connection in shared { connection.retire() }
    }

    /// No new requests come: each connection closes after those that it carries.
    package func retire() {
        isRetired = true
        closeIdle()
    }

    // MARK: Placing

    /// Finds a connection for the attempt, or opens one.
    ///
    /// - Parameter onFresh: not on one that has been idle, since those may all be stale.
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

    // MARK: What a dial comes to

    /// A channel is open, and whoever waited for it is to be served.
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

    /// No connection came of it.
    func lost(_ dial: ExecutorDial) {
        dials.removeAll { $0 === dial }
        connections -= 1
    }

    // MARK: What becomes of connections

    func keep(_ connection: HTTP1ExecutorConnection) -> Bool {
        guard !isRetired, idle.count < settings.idleMax, settings.idleTimeout > 0 else { return false }
        idle.append(connection)
        return true
    }

    func lost(_ connection: HTTP1ExecutorConnection) {
        connections -= 1
        idle.removeAll { $0 === connection }
    }

    func lost(_ connection: HTTP2ExecutorConnection) {
        connections -= 1
        shared.removeAll { $0 === connection }
    }

    // MARK: TLS

    /// Nil in clear.
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

    /// A connection has been answered on: by then a TLS 1.3 executor has sent its tickets.
    func remember(_ channel: Channel) {
        guard settings.tls != nil, let session = channel.tlsSession else { return }
        self.session = session
    }
}
