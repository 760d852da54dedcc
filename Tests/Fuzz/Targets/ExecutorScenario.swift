// Attempts at an executor whose connections say whatever the fuzzer makes up: one loop, one unix socket, many clients.
import Glibc
import HTTP
import LoopTesting
import Transport

/// Requests one after the other through one client, for as long as the executor has something to say.
final class ExecutorScenario {
    /// What the edge does meanwhile.
    struct Plan {
        /// Of the first request; those after it are POSTs.
        var method = Method.post
        var bodyBytes = 2
        /// How its peer ends: shutdown, close, reset, or only deadlines end it.
        var ending: UInt8 = 0
        /// Before which step the first attempt is cancelled.
        var cancelsBefore: Int?
        /// Reading pauses for every other step.
        var pauses = false
        var readLimit: Int?
    }

    let test = TestLoop()
    private let directory: String
    private let path: String
    private let socket: Socket
    private var listener: Listener?
    private var peers: [Peer] = []
    /// What its settings say that is to be tried, by whoever makes the client.
    private let makeClient: (EventLoop, SocketAddress) -> ExecutorClient
    private(set) var attempts: [FuzzAttempt] = []

    init(_ makeClient: @escaping (EventLoop, SocketAddress) -> ExecutorClient) {
        self.makeClient = makeClient
        directory = temporaryDirectory()
        path = directory + "/executor"
        do {
            socket = try Sockets.listen(on: SocketAddress(unixPath: path)!, shared: false)
        } catch {
            fatalError("no socket at \(path): \(error)")
        }
        listener = Listener(
            loop: test.loop,
            socket: socket,
            accepted: { [weak self] socket, _ in self?.peers.append(Peer(descriptor: socket.descriptor)) },
            exhausted: { _ in }
        )
    }

    deinit {
        socket.close()
        unlink(path)
        rmdir(directory)
    }

    private static let attemptsMax = 4

    func run(_ steps: [Step], _ plan: Plan, _ findings: Findings) {
        attempts = []
        peers = []
        let client = makeClient(test.loop, SocketAddress(unixPath: path)!)
        send(plan.method, plan, through: client, findings)
        for (index, step) in steps.enumerated() {
            if attempts.last?.isOver == true {
                guard attempts.count < Self.attemptsMax else { break }
                send(.post, plan, through: client, findings)
            }
            if plan.cancelsBefore == index { attempts[0].cancel() }
            if plan.pauses { attempts.last?.setReading(index % 2 == 0) }
            perform(step)
            turn()
        }
        for attempt in attempts { attempt.setReading(true) }
        end(plan, client)
        check(client, findings)
    }

    private func send(_ method: Method, _ plan: Plan, through client: ExecutorClient, _ findings: Findings) {
        let attempt = FuzzAttempt(isHEAD: method == .head, findings)
        attempts.append(attempt)
        let body = method == .post ? ZeroBytes(length: plan.bodyBytes) : nil
        let request = ExecutorRequest(
            method: method,
            target: Array("/v1/x".utf8),
            host: Array("executor".utf8),
            fields: FieldBlock(),
            body: body
        )
        attempt.began(client.send(request, handler: attempt))
        if let limit = plan.readLimit { attempt.stream?.setReadLimit(limit) }
        for _ in 0..<3 { turn() }
    }

    private func perform(_ step: Step) {
        switch step {
        case .bytes(let bytes):
            var sent = 0
            for _ in 0..<8 where sent < bytes.count {
                sent += peers.last?.send(Array(bytes[sent...])) ?? bytes.count
                if sent < bytes.count { turn() }
            }
        case .pass(let duration): test.clock.advance(by: duration)
        case .shutdown: peers.last?.shutdown()
        case .read, .drain: break
        }
    }

    private func turn() {
        test.loop.turn(waitMax: 0)
        for peer in peers {
            peer.poll()
            peer.received.removeAll(keepingCapacity: true)
        }
        test.loop.turn(waitMax: 0)
    }

    private func end(_ plan: Plan, _ client: ExecutorClient) {
        for peer in peers {
            switch plan.ending {
            case 0: peer.shutdown()
            case 1: peer.close()
            case 2: peer.reset()
            default: break
            }
        }
        for _ in 0..<8 { turn() }
        // Above HTTP there are deadlines that end an attempt whose executor says nothing more.
        for attempt in attempts where !attempt.isOver { attempt.cancel() }
        client.closeIdle()
        for _ in 0..<3 { turn() }
    }

    private func check(_ client: ExecutorClient, _ findings: Findings) {
        for attempt in attempts { attempt.check(findings) }
        findings.expect(client.connections == 0, "\(client.connections) connections are left")
        findings.expect(client.opened <= 2 * attempts.count, "\(client.opened) connections for \(attempts.count)")
        for attempt in attempts { attempt.letGo() }
        for attempt in attempts { findings.expect(attempt.isStreamGone, "a stream is left") }
        let held = test.loop.chunks.bytesInUse
        findings.expect(held == 0, "\(held) bytes of chunks are left")
        findings.expect(test.loop.timers.active == 0, "\(test.loop.timers.active) timers are left")
        peers = []
    }
}

/// What hears of one attempt.
final class FuzzAttempt: ExecutorStreamHandler {
    private(set) var stream: (any ExecutorStream)?
    private weak var watched: (any ExecutorStream)?
    private let findings: Findings
    private let isHEAD: Bool
    private var isCancelled = false
    private var wasSent = false
    private var framing: ResponseBody?
    private var head: [UInt8] = []
    private var body: [UInt8] = []
    private var received = 0
    private var ended = 0
    private var failure: String?

    private static let keptMax = 1 << 16

    init(isHEAD: Bool, _ findings: Findings) {
        self.isHEAD = isHEAD
        self.findings = findings
    }

    func began(_ stream: any ExecutorStream) {
        self.stream = stream
        watched = stream
    }

    var isOver: Bool { isCancelled || ended > 0 || failure != nil }
    var isStreamGone: Bool { watched == nil }

    /// What the executor was heard to say.
    var story: [UInt8] {
        head + Array(" \(received) \(ended) \(failure ?? "-") ".utf8) + body
    }

    func setReading(_ reading: Bool) { if !isOver { stream?.setReading(reading) } }

    func cancel() {
        guard !isOver else { return }
        isCancelled = true
        stream?.cancel()
    }

    func letGo() { stream = nil }

    private func called(_ what: StaticString) { findings.expect(!isOver, "\(what) after the end") }

    func requestSent() {
        called("requestSent")
        findings.expect(!wasSent, "requestSent twice")
        wasSent = true
    }

    func responseHead(_ head: ResponseHead, body: ResponseBody) {
        called("responseHead")
        findings.expect(framing == nil, "two heads")
        findings.expect((200...999).contains(head.status), "status \(head.status)")
        let isBodiless = head.status == 204 || head.status == 304 || isHEAD
        findings.expect(!isBodiless || body == .none, "\(body) on \(head.status)")
        framing = body
        self.head = Array("\(head.status) \(body) ".utf8) + flat(head.fields)
    }

    func responseBody(_ bytes: Span<UInt8>) {
        called("responseBody")
        findings.expect(framing != nil && framing != ResponseBody.none, "a body out of its order")
        findings.expect(!bytes.isEmpty, "a body of nothing")
        received += bytes.count
        if case .known(let length) = framing {
            findings.expect(received <= length, "\(received) bytes of a body of \(length)")
        }
        for index in bytes.indices where body.count < Self.keptMax { body.append(bytes[index]) }
    }

    func responseEnded() {
        called("responseEnded")
        findings.expect(framing != nil, "an end without a head")
        if case .known(let length) = framing { findings.expect(received == length, "an end after \(received) bytes") }
        ended += 1
    }

    func attemptFailed(_ failure: ExecutorFailure) {
        called("attemptFailed")
        // A reset may overtake what came before it: only the kind is compared.
        self.failure = String(describing: failure)
    }

    func check(_ findings: Findings) {
        findings.expect(isOver, "neither an end nor a failure")
        findings.expect(ended <= 1, "\(ended) ends")
    }
}

/// A body that costs nothing.
private final class ZeroBytes: RequestBodySource {
    let length: Int
    init(length: Int) { self.length = length }
    func append(from offset: Int, upTo limit: Int, to scratch: Scratch) {
        scratch.append([UInt8](repeating: 0x7A, count: min(limit, length - offset)))
    }
}
