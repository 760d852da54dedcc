// The connections of one worker thread to one engine: which connection carries a request, and when one is opened.
package import Transport

/// Sends requests to one engine, which may serve several models.
///
/// An `ExecutorClient` is used only by its worker thread. An HTTP/1.1 connection carries one request at a time and is
/// kept alive between requests. An HTTP/2 connection carries as many requests as the engine's
/// SETTINGS_MAX_CONCURRENT_STREAMS allows. When all connections are full, another connection is opened.
package final class ExecutorClient {
    /// The largest number of requests that wait for one connection while it is being opened.
    ///
    /// The engine announces its own limit only after the connection is open.
    static let dialStreamsMax = 100

    let loop: EventLoop
    let settings: ExecutorClientSettings
    let environment: ExecutorEnvironment
    /// Whether the engine speaks HTTP/2, so that one connection carries many requests; nil until the first TLS
    /// handshake has selected the protocol by ALPN.
    private var isShared: Bool?
    /// The unused HTTP/1.1 connections.
    ///
    /// The connection that was used last is used first, so that surplus connections reach their idle timeout.
    private var idle: [HTTP1ExecutorConnection] = []
    /// The HTTP/2 connections.
    private var shared: [HTTP2ExecutorConnection] = []
    private var dials: [ExecutorDial] = []
    /// The TLS session that the next connection resumes; nil if there is none.
    private var session: TLSSession?
    private var isRetired = false
    /// The number of connections to the engine now, including those that are being opened.
    package private(set) var connections = 0
    /// The number of connections to the engine that this `ExecutorClient` has opened or tried to open so far.
    package private(set) var opened = 0

    /// - Parameter environment: the state that all connections of the worker thread to executors share.
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

    /// Sends a request on an open connection or on a new connection.
    ///
    /// Failures are reported to `handler`, but never before this function has returned.
    package func send(_ request: ExecutorRequest, handler: any ExecutorStreamHandler) -> any ExecutorStream {
        let attempt = ExecutorAttempt(client: self, request: request, handler: handler)
        place(attempt)
        return attempt
    }

    /// Closes unused connections.
    ///
    /// HTTP/2 connections in use close after their last request.
    package func closeIdle() {
        for connection in idle { connection.close() }
        for connection in shared { connection.retire() }
    }

    /// Closes each connection as soon as it carries no requests.
    ///
    /// The caller sends no new requests after this call.
    package func retire() {
        isRetired = true
        closeIdle()
    }

    // MARK: Placing

    /// Gives the attempt to an open connection, or opens a connection for it.
    ///
    /// - Parameter onFresh: whether to avoid idle HTTP/1.1 connections, because the engine may have closed all of
    ///   them.
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

    /// Makes an HTTP connection from a channel, the socket that a dial (an attempt to open a connection) has connected.
    ///
    /// The requests that waited for the dial move to the connection. An HTTP/1.1 connection takes only the first
    /// request, and `place` finds connections for the rest.
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

    /// Removes a dial (an attempt to open a connection) that has failed or was cancelled.
    func lost(_ dial: ExecutorDial) {
        dials.removeAll { $0 === dial }
        connections -= 1
    }

    // MARK: The end of a request or a connection

    /// Keeps an unused connection for the next request.
    ///
    /// - Returns: false if the `ExecutorClient` does not keep the connection, which the caller must then close.
    func keep(_ connection: HTTP1ExecutorConnection) -> Bool {
        guard !isRetired, idle.count < settings.idleMax, settings.idleTimeout > 0 else { return false }
        idle.append(connection)
        return true
    }

    /// Removes a connection that has closed.
    func lost(_ connection: HTTP1ExecutorConnection) {
        connections -= 1
        idle.removeAll { $0 === connection }
    }

    /// Removes a connection that has closed.
    func lost(_ connection: HTTP2ExecutorConnection) {
        connections -= 1
        shared.removeAll { $0 === connection }
    }

    // MARK: TLS

    /// Makes the TLS connection for a new socket to the engine; nil if the engine is reached without TLS.
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

    /// Keeps the TLS session of a connection for the next connection.
    ///
    /// A connection calls this function when bytes have arrived, because an engine with TLS 1.3 has sent its tickets
    /// by then.
    func remember(_ channel: Channel) {
        guard settings.tls != nil, let session = channel.tlsSession else { return }
        self.session = session
    }
}
