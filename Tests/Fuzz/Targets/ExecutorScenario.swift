// Attempts at an executor that sends the fuzzer's bytes: one loop, one unix socket, any number of connections.
import Glibc
import HTTP
import LoopTesting
import Transport

/// Requests through one client: one after the other while the executor has bytes to send, or many at once.
final class ExecutorScenario {
    /// What the edge does while the executor sends.
    struct Plan {
        /// The method of the first request; later requests are POSTs.
        var method = Method.post
        var bodyBytes = 2
        /// How the executor ends its connections: 0 shutdown, 1 close, 2 reset; any other value never, so that the
        /// edge's deadlines end them.
        var ending: UInt8 = 0
        /// The index of the step before which the first attempt is cancelled; nil for never.
        var cancelsBefore: Int?
        /// Whether reading is paused during every other step.
        var pauses = false
        var readLimit: Int?
        /// The plan of the HTTP/2 connections; nil on HTTP/1.1.
        var http2: HTTP2Plan?
    }

    let test = TestLoop()
    private let directory: String
    private let path: String
    private let socket: Socket
    private var listener: Listener?
    private(set) var peers: [ExecutorEnd] = []
    private var spokenOn: Int?
    private var plan = Plan()
    private var shared = FuzzAttempt.Shared(Findings())
    private(set) var client: ExecutorClient?
    /// Makes the client, with the settings that the target fuzzes.
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
            accepted: { [weak self] socket, _ in self?.peers.append(ExecutorEnd(socket.descriptor)) },
            exhausted: { _ in }
        )
    }

    deinit {
        socket.close()
        unlink(path)
        rmdir(directory)
    }

    private static let attemptsMax = 4

    func run(_ steps: [Step], _ plan: Plan, ignoresPauses: Bool = false, _ findings: Findings) {
        attempts = []
        peers = []
        spokenOn = nil
        self.plan = plan
        shared = FuzzAttempt.Shared(findings)
        shared.ignoresPauses = ignoresPauses
        client = makeClient(test.loop, SocketAddress(unixPath: path)!)
        if let http2 = plan.http2 { runShared(steps, http2) } else { runInTurn(steps) }
        for attempt in attempts { attempt.setReading(true) }
        end()
        check(findings)
    }

    private func runInTurn(_ steps: [Step]) {
        send(plan.method)
        for (index, step) in steps.enumerated() {
            if attempts.last?.isOver == true {
                guard attempts.count < Self.attemptsMax else { break }
                send(.post)
            }
            if plan.cancelsBefore == index { attempts[0].cancel() }
            if plan.pauses { attempts.last?.setReading(index % 2 == 0) }
            perform(step)
            turn()
        }
    }

    private func send(_ method: Method) {
        let attempt = start(method)
        if let limit = plan.readLimit { attempt.setReadLimit(limit) }
        for _ in 0..<3 { turn() }
    }

    @discardableResult
    private func start(_ method: Method, _ reaction: FuzzAttempt.Reaction = .none) -> FuzzAttempt {
        let attempt = FuzzAttempt(isHEAD: method == .head, shared, reaction: reaction)
        attempts.append(attempt)
        let body = method == .post ? ZeroBytes(length: plan.bodyBytes) : nil
        let request = ExecutorRequest(
            method: method,
            target: Array("/v1/x".utf8),
            host: Array("executor".utf8),
            fields: FieldBlock(),
            body: body
        )
        shared.isCalling = true
        attempt.began(client!.send(request, handler: attempt))
        shared.isCalling = false
        return attempt
    }

    // MARK: Many requests at once

    private func runShared(_ steps: [Step], _ http2: HTTP2Plan) {
        shared.windowBytes = HTTP2Plan.windowBytes + HTTP2Plan.windowExcessMax
        shared.isTelling = http2.isTelling
        shared.again = { [weak self] in
            guard let self, attempts.count < HTTP2Plan.attemptsMax else { return }
            start(.post)
        }
        for index in 0..<http2.attempts {
            start(index == 0 ? plan.method : .post, http2.reaction(of: index))
        }
        for _ in 0..<3 { turn() }
        for step in steps {
            perform(step)
            turn()
        }
        for attempt in attempts { attempt.setReading(true) }
        for _ in 0..<4 { turn() }
        guard !shared.ignoresPauses, http2.isTelling else { return }
        for peer in peers { peer.checkWindows(shared.findings) }
    }

    private func perform(_ event: ExecutorEvent) {
        let attempt = attempts[event.number % attempts.count]
        switch event.kind {
        case .request:
            guard attempts.count < HTTP2Plan.attemptsMax else { return }
            start(event.number & 7 == 7 ? .head : .post, FuzzAttempt.Reaction(event.number))
        case .cancel: attempt.cancel()
        case .pause: attempt.setReading(false)
        case .resume: attempt.setReading(true)
        case .limit: attempt.setReadLimit(1 + event.number << 8)
        case .speakOn: spokenOn = event.number
        case .shutdown: speaker?.peer.shutdown()
        case .close: speaker?.peer.close()
        case .closeIdle: client?.closeIdle()
        }
    }

    /// The connection that the steps apply to: the newest one, unless a `speakOn` event has chosen another.
    private var speaker: ExecutorEnd? {
        peers.isEmpty ? nil : spokenOn.map { peers[$0 % peers.count] } ?? peers.last
    }

    // MARK: Steps

    private func perform(_ step: Step) {
        switch step {
        case .bytes(let bytes):
            // A frame that was cut must not be continued with other bytes.
            guard let speaker, !speaker.isCut else { return }
            var sent = 0
            for _ in 0..<8 where sent < bytes.count {
                sent += speaker.send(bytes[sent...])
                if sent < bytes.count { turn() }
            }
            if sent < bytes.count { speaker.isCut = true }
        case .pass(let duration): test.clock.advance(by: duration)
        case .shutdown: speaker?.peer.shutdown()
        case .event(let event): perform(event)
        case .read, .drain: break
        }
    }

    private func turn() {
        test.loop.turn(waitMax: 0)
        for peer in peers {
            if let http2 = plan.http2 { peer.greet(http2) }
            peer.read(keeping: plan.http2 != nil)
        }
        test.loop.turn(waitMax: 0)
    }

    // MARK: The end

    private func end() {
        // Each attempt may be retried on another connection, which is ended in the same way.
        for round in 0..<(plan.http2 == nil ? 1 : HTTP2Plan.roundsMax) {
            if round > 0, attempts.allSatisfy(\.isOver) { break }
            for peer in peers {
                switch plan.ending {
                case 0: peer.peer.shutdown()
                case 1: peer.peer.close()
                case 2: peer.peer.reset()
                default: break
                }
            }
            for _ in 0..<(round == 0 ? 8 : 2) { turn() }
            if plan.http2 != nil { test.clock.advance(by: 21 * second) }
        }
        // In the server, deadlines outside of the HTTP client end an attempt whose executor is silent. Here the test
        // cancels the attempt. On HTTP/2 the edge's HTTP client must
        // have ended it already, because the executor answers no PING.
        for (index, attempt) in attempts.enumerated() where !attempt.isOver {
            shared.findings.expect(plan.http2 == nil, "attempt \(index) has no end")
            attempt.cancel()
        }
        client?.closeIdle()
        for _ in 0..<3 { turn() }
    }

    private func check(_ findings: Findings) {
        for attempt in attempts { attempt.check() }
        let connections = client?.connections ?? 0
        let opened = client?.opened ?? 0
        findings.expect(connections == 0, "\(connections) connections are left")
        let most = (plan.http2 == nil ? 2 : HTTP2Plan.connectionsPerAttemptMax) * attempts.count
        findings.expect(opened <= most, "\(opened) connections for \(attempts.count)")
        for attempt in attempts { attempt.letGo() }
        for attempt in attempts { findings.expect(attempt.isStreamGone, "a stream is left") }
        weak let watched = client
        client = nil
        findings.expect(watched == nil, "the client is left, or something that holds it")
        let held = test.loop.chunks.bytesInUse
        findings.expect(held == 0, "\(held) bytes of chunks are left")
        findings.expect(test.loop.timers.active == 0, "\(test.loop.timers.active) timers are left")
        for peer in peers where plan.http2 != nil { peer.checkRequests(findings) }
        peers = []
    }
}

/// A request body that repeats one byte, so that a long body needs no memory of its own.
private final class ZeroBytes: RequestBodySource {
    let length: Int
    init(length: Int) { self.length = length }
    func append(from offset: Int, upTo limit: Int, to scratch: Scratch) {
        scratch.append([UInt8](repeating: 0x7A, count: min(limit, length - offset)))
    }
}
