// A simulated model server, which generates text without a model, for `make run`, tests and benchmarks.
package import HTTP
internal import Inference
package import Transport

/// Serves the HTTP APIs of a model server.
///
/// Only the thread of its event loop may use it.
package final class ExecutorSimulator: ServerDelegate {
    /// The longest period with which streams of the same pace share one timer.
    ///
    /// The period is the time from one token of a stream to the next. With a longer period, a new stream might wait too
    /// long until the common timer fires, so each stream has its own timer.
    private static let sharedPeriodMax: Nanoseconds = 100_000_000

    package let loop: EventLoop
    let options: ExecutorSimulatorOptions
    let vocabulary = Vocabulary()
    var counters = Counters()
    var aborts = AbortLog()
    var last = LastRequest()
    let created = Clock.wallTime().seconds
    /// A buffer for the event that is being written; all streams use it, one after the other.
    var event: [UInt8] = []

    private let environment = HTTP2Environment()
    private let contexts: TLSServerContexts?
    private var settings = ServerSettings()
    private var listeners: [Listener] = []
    private var connections: [ObjectIdentifier: ServerConnection] = [:]
    /// The queue of prompts to compute, and the prefix cache; nil if the options have neither a prefix cache nor a
    /// prefill rate.
    private(set) var prefills: Prefills?
    private var pacers: [Nanoseconds: Pacer] = [:]
    /// The pacers some of whose streams have yet to generate the token that is due.
    ///
    /// A pacer is the common timer of streams that generate tokens at the same pace. It lets `Pacer.batch` streams
    /// generate a token, and continues with the others after the loop has sent the output of these streams.
    private var unfinishedPacers: [Pacer] = []
    private var identifiers = 0
    private var faultsLeft: Int
    /// When the simulator was made, by the loop's clock.
    private let began: Nanoseconds
    /// Whether the model has been loaded; it is never unloaded.
    private var isLoaded = false

    /// Makes a simulator that does not accept connections yet.
    ///
    /// - Throws: `TLSError` if the certificate cannot be loaded.
    package init(loop: EventLoop, options: ExecutorSimulatorOptions) throws(TLSError) {
        self.loop = loop
        self.options = options
        began = loop.now
        contexts = try Self.contexts(for: options)
        faultsLeft = options.faultsMax ?? .max
        settings.idleTimeout = options.idleTimeout
        settings.streamsMax = options.streamsMax
        settings.isTrusted = true
        event.reserveCapacity(1024)
        prefills = Prefills(of: self)
        let inner = loop.onTurnEnd
        loop.onTurnEnd = { [unowned self] in
            inner?()
            self.continueRounds()
        }
    }

    /// The TLS contexts; nil if `options` has no certificate.
    static func contexts(for options: ExecutorSimulatorOptions) throws(TLSError) -> TLSServerContexts? {
        guard let certificate = options.certificate else { return nil }
        let keys = TicketKeys { Int64(Clock.monotonicNow() / 1_000_000_000) }
        return try TLSContext.server(certificates: [certificate], ticketKeys: keys)
    }

    /// Why a certificate or its key cannot be used; nil if both can be used.
    package static func problem(with files: CertificateFiles) -> String? {
        var options = ExecutorSimulatorOptions()
        options.certificate = files
        do throws(TLSError) { _ = try contexts(for: options) } catch { return "\(error)" }
        return nil
    }

    /// Accepts connections on a listening socket.
    ///
    /// The caller keeps ownership of the socket, and closes it.
    package func serve(on socket: Socket) {
        let listener = Listener(
            loop: loop,
            socket: socket,
            accepted: { [unowned self] in self.accepted($0, peer: $1) },
            exhausted: { _ in }
        )
        listeners.append(listener)
    }

    /// Stops accepting, and closes all connections.
    ///
    /// The simulator must not be used afterwards.
    package func close() {
        for listener in listeners { listener.pause() }
        for connection in Array(connections.values) { connection.close(.edge) }
        // Break the reference cycle: a pacer and its simulator retain each other.
        pacers = [:]
        unfinishedPacers = []
        prefills?.close()
    }

    private func accepted(_ socket: Socket, peer: SocketAddress) {
        counters.connectionsAccepted += 1
        guard options.acceptDelay > 0 else {
            begin(socket, peer: peer)
            return
        }
        let late = LateAccept { [unowned self] in self.begin(socket, peer: peer) }
        _ = loop.timers.schedule(at: loop.now + options.acceptDelay, target: late, kind: 0)
    }

    private func begin(_ socket: Socket, peer: SocketAddress) {
        let tls = contexts.map { TLSConnection.server(in: $0, wire: loop.wire) }
        // If epoll cannot watch another socket, `accept` throws and closes the connection.
        guard let channel = try? Channel.accept(socket, peer: peer, loop: loop, tls: tls) else { return }
        let connection = ServerConnection(
            channel: channel,
            settings: settings,
            environment: environment,
            delegate: self
        )
        connections[ObjectIdentifier(connection)] = connection
        counters.connections += 1
        connection.start()
    }

    // MARK: ServerDelegate

    /// Makes the handler for a request.
    package func handler(for head: RequestHead, on stream: ServerStream) -> any ServerStreamHandler {
        SimulatedExchange(simulator: self, stream: stream, head: head)
    }

    /// Responds to a request that the HTTP layer has rejected.
    package func refusal(status: Int, message: String, on stream: ServerStream) {
        let refusal = Refusal(status: status, message: message)
        Self.respond(status: status, body: OtherAnswers.error(refusal, isAnthropic: false), on: stream)
    }

    /// Removes a connection that has ended.
    package func connectionEnded(_ connection: ServerConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        counters.connections -= 1
    }

    // MARK: For exchanges

    /// Sends a complete response, by default with a JSON body.
    static func respond(
        status: Int = 200,
        body: [UInt8],
        contentType: String = "application/json",
        retryAfter: String? = nil,
        on stream: ServerStream
    ) {
        var fields = FieldBlock()
        fields.append(.contentType, contentType)
        fields.append(.contentLength, body.count)
        fields.append(.server, "simulator")
        if let retryAfter { fields.append(.retryAfter, retryAfter) }
        stream.respond(ResponseHead(status: status, fields: fields), end: false)
        stream.send(body.span)
        stream.finish()
    }

    /// The `Pacer` that lets streams generate `pace` tokens per second.
    ///
    /// At a pace of 0, the pacer calls each stream every millisecond, and each call generates many tokens.
    func pacer(for pace: Double) -> Pacer {
        let period = pace > 0 ? max(1000, Nanoseconds(min(1_000_000_000 / pace, 1e18))) : 1_000_000
        if let pacer = pacers[period] { return pacer }
        let pacer = Pacer(simulator: self, period: period, isSpread: options.isSpread)
        if period <= Self.sharedPeriodMax { pacers[period] = pacer }
        return pacer
    }

    /// Drops a pacer (the common timer of streams that generate tokens at the same pace) that has no streams.
    ///
    /// The next stream of that pace gets a new pacer.
    func forget(_ pacer: Pacer) {
        if let entry = pacers.first(where: { $0.value === pacer }) { pacers[entry.key] = nil }
    }

    /// Schedules a pacer, the common timer of several streams, to continue with the streams that have yet to generate a
    /// token.
    ///
    /// The pacer continues the next time that a turn of the event loop ends, after the output of that turn was sent.
    func continueLater(_ pacer: Pacer) { unfinishedPacers.append(pacer) }

    /// Lets the next streams of each pacer in `unfinishedPacers` generate a token.
    ///
    /// A pacer is the common timer of several streams. The streams write the tokens into channels. The loop begins its
    /// next turn without waiting for events, and flushes the channels in that turn.
    private func continueRounds() {
        guard !unfinishedPacers.isEmpty else { return }
        let pacers = unfinishedPacers
        unfinishedPacers.removeAll(keepingCapacity: true)
        for pacer in pacers { pacer.stepBatch() }
    }

    /// Makes a new identifier of 12 hexadecimal digits.
    func nextIdentifier() -> String {
        identifiers += 1
        let digits = String(Hash.mix(UInt64(identifiers) &+ UInt64(created) << 24) >> 16, radix: 16)
        return String(repeating: "0", count: 12 - digits.count) + digits
    }

    /// Whether the model still loads, so that requests for it and `GET /health` get 503.
    var isLoading: Bool {
        guard !isLoaded else { return false }
        isLoaded =
            options.loadingUntil.map { FileStamp($0) != nil } ?? (loop.now >= began + options.loadingTime)
        return !isLoaded
    }

    /// The values of `GET /metrics`; nil if the simulator has no such page.
    ///
    /// There is no page if the simulator imitates Ollama. There is also none if it imitates no particular engine, and
    /// has neither a prefix cache nor a prefill rate.
    var metrics: EngineMetrics? {
        guard options.kind != .ollama, prefills != nil || options.kind != .simulator else { return nil }
        let cache = prefills?.cache.map {
            EngineMetrics.Cache(
                blockSize: $0.blockSize,
                blocks: options.saidCacheTokens.map { $0 / options.blockSize } ?? $0.capacity,
                queries: counters.prefixQueries,
                hits: counters.prefixHits
            )
        }
        return EngineMetrics(
            model: options.models.first ?? "",
            started: created,
            running: counters.running - (prefills?.waiting ?? 0),
            waiting: prefills?.waiting ?? 0,
            cache: cache,
            kind: options.kind
        )
    }

    /// The faults to simulate for a request that does not ask for faults itself.
    ///
    /// The result is the faults in `options`. Once `options.faultsMax` requests have got them, there are no more
    /// faults.
    var serverFaults: Faults { faultsLeft > 0 ? options.faults : Faults() }
    /// Counts one request for which the faults in the options of the simulator were simulated.
    func useServerFaults() { if faultsLeft > 0, options.faults != Faults() { faultsLeft -= 1 } }
}

/// Begins to serve an accepted connection when a timer fires, to simulate a server that is slow to accept.
private final class LateAccept: TimerTarget {
    private let begin: () -> Void
    init(_ begin: @escaping () -> Void) { self.begin = begin }
    func timerFired(_ kind: Int) { begin() }
}
