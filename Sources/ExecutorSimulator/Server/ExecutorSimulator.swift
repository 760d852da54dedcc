// An executor of language models that has no model: for `make run`, tests and benchmarks.
package import HTTP
internal import Inference
package import Transport

/// Serves the APIs of an executor on one loop.
///
/// Confined to it.
package final class ExecutorSimulator: ServerDelegate {
    /// Paces slower than this have a timer for each stream: nobody wants to wait for another's beat so long.
    private static let sharedPeriodMax: Nanoseconds = 100_000_000

    package let loop: EventLoop
    let options: ExecutorSimulatorOptions
    let vocabulary = Vocabulary()
    var counters = Counters()
    var aborts = AbortLog()
    var last = LastRequest()
    let created = Clock.wallTime().seconds
    /// The event that is being written: one room for all.
    var event: [UInt8] = []

    private let environment = HTTP2Environment()
    private let contexts: TLSServerContexts?
    private var settings = ServerSettings()
    private var listeners: [Listener] = []
    private var connections: [ObjectIdentifier: ServerConnection] = [:]
    private var pacers: [Nanoseconds: Pacer] = [:]
    private var behind: [Pacer] = []
    private var identifiers = 0
    private var faultsLeft: Int

    /// - Throws: when its certificate cannot be loaded.
    package init(loop: EventLoop, options: ExecutorSimulatorOptions) throws(TLSError) {
        self.loop = loop
        self.options = options
        contexts = try Self.contexts(for: options)
        faultsLeft = options.faultsMax ?? .max
        settings.idleTimeout = options.idleTimeout
        settings.streamsMax = options.streamsMax
        settings.isTrusted = true
        event.reserveCapacity(1024)
        let inner = loop.onTurnEnd
        loop.onTurnEnd = { [unowned self] in
            inner?()
            self.stepThoseBehind()
        }
    }

    /// Nil for a simulator in clear.
    static func contexts(for options: ExecutorSimulatorOptions) throws(TLSError) -> TLSServerContexts? {
        guard let certificate = options.certificate else { return nil }
        let keys = TicketKeys { Int64(Clock.monotonicNow() / 1_000_000_000) }
        return try TLSContext.server(certificates: [certificate], ticketKeys: keys)
    }

    /// What is wrong with a certificate that it is to show; nil when nothing is.
    package static func problem(with files: CertificateFiles) -> String? {
        var options = ExecutorSimulatorOptions()
        options.certificate = files
        do throws(TLSError) { _ = try contexts(for: options) } catch { return "\(error)" }
        return nil
    }

    /// Accepts connections on a listening socket, which stays its owner's.
    package func serve(on socket: Socket) {
        let listener = Listener(
            loop: loop,
            socket: socket,
            accepted: { [unowned self] in self.accepted($0, peer: $1) },
            exhausted: { _ in }
        )
        listeners.append(listener)
    }

    /// Stops accepting and closes every connection: the last call to a simulator.
    package func close() {
        for listener in listeners { listener.pause() }
        for connection in Array(connections.values) { connection.close(.edge) }
        // A pacer and its simulator hold each other.
        pacers = [:]
        behind = []
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
        // A socket that the system has no room to watch is closed.
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

    package func handler(for head: RequestHead, on stream: ServerStream) -> any ServerStreamHandler {
        SimulatedExchange(simulator: self, stream: stream, head: head)
    }

    package func refusal(status: Int, message: String, on stream: ServerStream) {
        let refusal = Refusal(status: status, message: message)
        Self.respond(status: status, body: OtherAnswers.error(refusal, isAnthropic: false), on: stream)
    }

    package func connectionEnded(_ connection: ServerConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        counters.connections -= 1
    }

    // MARK: For exchanges

    static func respond(status: Int = 200, body: [UInt8], retryAfter: String? = nil, on stream: ServerStream) {
        var fields = FieldBlock()
        fields.append(.contentType, "application/json")
        fields.append(.contentLength, body.count)
        fields.append(.server, "simulator")
        if let retryAfter { fields.append(.retryAfter, retryAfter) }
        stream.respond(ResponseHead(status: status, fields: fields), end: false)
        stream.send(body.span)
        stream.finish()
    }

    /// The pacer for so many tokens a second.
    ///
    /// At 0 streams step each millisecond, and make more than one token each.
    func pacer(for pace: Double) -> Pacer {
        let period = pace > 0 ? max(1000, Nanoseconds(min(1_000_000_000 / pace, 1e18))) : 1_000_000
        if let pacer = pacers[period] { return pacer }
        let pacer = Pacer(simulator: self, period: period, isSpread: options.isSpread)
        if period <= Self.sharedPeriodMax { pacers[period] = pacer }
        return pacer
    }

    /// A pacer whose last stream has left: the next one begins a beat of its own.
    func forget(_ pacer: Pacer) {
        if let entry = pacers.first(where: { $0.value === pacer }) { pacers[entry.key] = nil }
    }

    /// A pacer goes on with its round once what it has written is flushed.
    func continueLater(_ pacer: Pacer) { behind.append(pacer) }

    /// What is written here marks its connections, so the next turn does not wait before it flushes.
    private func stepThoseBehind() {
        guard !behind.isEmpty else { return }
        let pacers = behind
        behind.removeAll(keepingCapacity: true)
        for pacer in pacers { pacer.stepBatch() }
    }

    func nextIdentifier() -> String {
        identifiers += 1
        let digits = String(Hash.mix(UInt64(identifiers) &+ UInt64(created) << 24) >> 16, radix: 16)
        return String(repeating: "0", count: 12 - digits.count) + digits
    }

    /// The faults that the server gives to its next request.
    var serverFaults: Faults { faultsLeft > 0 ? options.faults : Faults() }
    func useServerFaults() { if faultsLeft > 0, options.faults != Faults() { faultsLeft -= 1 } }
}

/// Begins with a connection some time after it was accepted.
private final class LateAccept: TimerTarget {
    private let begin: () -> Void
    init(_ begin: @escaping () -> Void) { self.begin = begin }
    func timerFired(_ kind: Int) { begin() }
}
