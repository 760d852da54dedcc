// Runs the server's side of a client connection in the fuzzer's process. The fuzzer plays the client, and turns the
// event loop.
import Glibc
import HTTP
import LoopTesting
import Transport

/// One step in the life of a fuzzed connection.
enum Step {
    case bytes([UInt8])
    /// Advances the clock of the event loop by this many nanoseconds.
    case pass(Nanoseconds)
    /// The client reads from now on, or stops reading.
    case read(Bool)
    case drain
    /// The client sends a FIN.
    case shutdown
    /// An event of a connection to an executor, which this scenario ignores.
    case event(ExecutorEvent)
}

/// Serves one client connection after the other, all in one event loop.
///
/// Checks after every connection: request handlers were called in order and each got one end, memory was bounded, the
/// output is valid HTTP, and no object is left.
final class ServerScenario: ServerDelegate {
    private let test = TestLoop()
    private let environment = HTTP2Environment()
    private let address = SocketAddress(unixPath: "/fuzz")!

    private var exchanges: [FuzzExchange] = []
    private(set) var output: [UInt8] = []
    /// Whether the responses on the last connection depended only on the client's bytes, and not on when they arrived.
    private(set) var wasPredictable = true
    /// For each HTTP/1.1 response in order: whether it is the response to a HEAD request, which has no body.
    private var answersToHEAD: [Bool] = []
    private var findings = Findings()
    private var ended = 0
    private var settings = ServerSettings()
    private weak var connection: ServerConnection?
    private weak var channel: Channel?
    private var peer: Peer?
    private var isReading = true
    /// How many steps so far have told this connection to drain, that is to end after its running requests.
    private var drains = 0

    /// Runs one client connection from beginning to end.
    func run(_ steps: [Step], settings: ServerSettings, ending: UInt8, _ findings: Findings) {
        self.findings = findings
        self.settings = settings
        open()
        for step in steps where connection != nil {
            perform(step)
            turn()
        }
        close(ending)
        check()
        wasPredictable = exchanges.allSatisfy(\.isPredictable)
        exchanges = []
        peer = nil
    }

    private func open() {
        exchanges = []
        output = []
        answersToHEAD = []
        ended = 0
        isReading = true
        drains = 0
        let (socket, peer) = Peer.pair()
        self.peer = peer
        guard let channel = try? Channel.accept(socket, peer: address, loop: test.loop) else {
            fatalError("no room to watch a socket")
        }
        let connection = ServerConnection(
            channel: channel,
            settings: settings,
            environment: environment,
            delegate: self
        )
        connection.start()
        self.channel = channel
        self.connection = connection
    }

    private func perform(_ step: Step) {
        switch step {
        case .bytes(let bytes):
            var sent = 0
            // If the server does not read, the client tries for some turns of the event loop, and then drops the rest.
            for _ in 0..<8 where sent < bytes.count {
                sent += peer?.send(Array(bytes[sent...])) ?? 0
                if sent < bytes.count { turn() }
            }
        case .pass(let duration): test.clock.advance(by: duration)
        case .read(let reads): isReading = reads
        case .drain:
            // The first, third and further odd drains act like an upgrade, in which a new process takes over. The even
            // ones act like a stopping server.
            drains += 1
            connection?.drain(drains % 2 == 1 ? .handedOver : .stopping)
        case .shutdown: peer?.shutdown()
        case .event: break
        }
    }

    private func turn() {
        for _ in 0..<2 {
            test.loop.turn(waitMax: 0)
            if isReading { readOutput() }
            for exchange in exchanges { exchange.tick() }
        }
        checkBounds()
    }

    private func readOutput() {
        guard let peer else { return }
        peer.poll()
        if !peer.received.isEmpty { output += peer.take() }
    }

    private func checkBounds() {
        guard let connection else { return }
        let active = connection.activeStreams
        findings.expect(active <= settings.streamsMax, "\(active) streams of at most \(settings.streamsMax)")
        // Each request's handler limits its buffered output. Answers to the client's frames, such as acknowledgements,
        // may add up to 1 MiB.
        let handedOver = exchanges.reduce(0) { $0 + $1.sendsAtMost }
        let bound = 1 << 20 + handedOver
        let held = test.loop.chunks.bytesInUse
        findings.expect(held <= bound, "\(held) bytes wait for the client, of at most \(bound)")
    }

    // MARK: The end

    private func close(_ ending: UInt8) {
        if ending & 4 != 0 { isReading = true }
        for _ in 0..<4 { turn() }
        switch ending & 3 {
        case 0: peer?.shutdown()
        case 1: peer?.close()
        case 2: peer?.reset()
        default: connection?.drain()
        }
        for round in 0..<80 where connection != nil || channel != nil {
            test.loop.turn(waitMax: 0)
            if isReading { readOutput() }
            for exchange in exchanges { exchange.tick() }
            // The client may read nothing, or the exchange may never respond. The clock advances so that deadlines end
            // such a connection. If one is still open after 60 rounds, it is closed like a worker does at the end.
            if round % 4 == 3 { test.clock.advance(by: 100 * second) }
            if round == 40 { isReading = true }
            if round == 60 { connection?.close(.edge) }
        }
        for exchange in exchanges { exchange.letGo() }
    }

    private func check() {
        for exchange in exchanges { exchange.check(findings) }
        findings.expect(connection == nil && channel == nil, "the connection is still there")
        findings.expect(ended == 1, "the delegate heard of \(ended) ends")
        let held = test.loop.chunks.bytesInUse
        findings.expect(held == 0, "\(held) bytes of chunks are left")
        findings.expect(test.loop.timers.active == 0, "\(test.loop.timers.active) timers are left")
        var reader = OutputReader(output, answersToHEAD: answersToHEAD, findings)
        reader.read()
    }

    // MARK: ServerDelegate

    func handler(for head: RequestHead, on stream: ServerStream) -> any ServerStreamHandler {
        if stream.version != .http2 { answersToHEAD.append(head.method == .head) }
        findings.expect(!head.target.isEmpty, "a request without a target")
        findings.expect(head.fields.count <= settings.headerCountMax, "\(head.fields.count) fields")
        let exchange = FuzzExchange(head: head, stream: stream, findings)
        exchanges.append(exchange)
        return exchange
    }

    func refusal(status: Int, message: String, on stream: ServerStream) {
        // Each response needs an entry in `answersToHEAD`. A request with a handler has one already, even if its body
        // is refused now.
        if stream.version != .http2, !exchanges.contains(where: { $0.stream === stream }) {
            answersToHEAD.append(false)
        }
        findings.expect((400..<600).contains(status) && !message.isEmpty, "refused with \(status)")
        var fields = FieldBlock()
        let body = Array(message.utf8)
        fields.append(.contentLength, String(body.count))
        stream.respond(ResponseHead(status: status, fields: fields), end: false)
        stream.send(body.span)
        stream.finish()
    }

    func connectionEnded(_ connection: ServerConnection) { ended += 1 }
}

/// Divides bytes into the pieces that a peer sends one after the other, with other events between them.
///
/// - Parameter events: The seed of the random events; 0 for no events.
func connectionSteps(_ bytes: [UInt8], cuts: Cuts, events: UInt8) -> [Step] {
    var cuts = cuts
    var random = SplitMix(state: UInt64(events))
    var steps: [Step] = []
    for piece in cuts.pieces(of: bytes.count) {
        steps.append(.bytes(Array(bytes[piece])))
        guard events != 0, Int.random(in: 0..<4, using: &random) == 0 else { continue }
        switch Int.random(in: 0..<16, using: &random) {
        case 0..<8:
            steps.append(.pass([1_000_000, second / 2, 2 * second, 11 * second].randomElement(using: &random)!))
        case 8..<11: steps.append(.read(false))
        case 11..<14: steps.append(.read(true))
        case 14: steps.append(.drain)
        default: steps.append(.shutdown)
        }
    }
    return steps
}

/// Chooses settings of the server: the defaults, or small limits, which the fuzzer reaches sooner.
func serverSettings(_ choice: UInt8) -> ServerSettings {
    var settings = ServerSettings()
    if choice & 1 != 0 { settings.streamsMax = 3 }
    if choice & 2 != 0 { settings.isTrusted = true }
    if choice & 4 != 0 {
        settings.headerBytesMax = 512
        settings.headerCountMax = 8
    }
    if choice & 8 != 0 { settings.upgradesToHTTP2 = false }
    return settings
}
