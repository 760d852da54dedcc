// Runs exchanges in a test: the client's connection is real, the test turns its event loop, and the test plays the
// executors.
import HTTP
import Inference
import LoopTesting
import Routing
import Transport

@testable import Edge

/// A request that the edge sends to an executor; the test plays the executor and sends the response.
final class PlayedExecutor: ExecutorStream {
    let request: ExecutorRequest
    let target: ExecutorTarget
    private(set) var handler: (any ExecutorStreamHandler)?
    private(set) var isReading = true
    private(set) var readLimit: Int?
    private(set) var isCancelled = false

    init(_ request: ExecutorRequest, at target: ExecutorTarget, handler: any ExecutorStreamHandler) {
        self.request = request
        self.target = target
        self.handler = handler
    }

    var name: String { target.executor.name }
    var body: String {
        let scratch = Scratch()
        request.body?.append(from: 0, upTo: request.body?.length ?? 0, to: scratch)
        return String(decoding: scratch.bytes, as: UTF8.self)
    }

    // MARK: ExecutorStream

    func setReading(_ reading: Bool) { isReading = reading }
    func setReadLimit(_ bytes: Int) { readLimit = bytes }
    func cancel() {
        isCancelled = true
        handler = nil
    }

    // MARK: Actions of the executor

    func takeRequest() { handler?.requestSent() }

    func answer(
        _ status: Int = 200,
        type: String? = "text/event-stream",
        _ fields: [(String, String)] = [],
        body: ResponseBody = .chunked
    ) {
        takeRequest()
        var block = FieldBlock()
        if let type { block.append(.contentType, type) }
        for (name, value) in fields { block.append(name: name, value: value) }
        handler?.responseHead(ResponseHead(status: status, fields: block), body: body)
    }

    /// Answers the request with a complete error response, whose status is 400 or above.
    func refuse(_ status: Int, _ text: String = "", _ fields: [(String, String)] = []) {
        answer(status, type: "application/json", fields)
        say(text)
        end()
    }

    /// Sends bytes of the response, which the edge gets in one read.
    func say(_ text: String) { say(Array(text.utf8)) }
    func say(_ bytes: [UInt8]) { handler?.responseBody(bytes.span) }

    func end() {
        let last = handler
        handler = nil
        last?.responseEnded()
    }

    func fail(_ failure: ExecutorFailure = .closedInResponse) {
        let last = handler
        handler = nil
        last?.attemptFailed(failure)
    }
}

/// What a worker provides to exchanges, for tests: everything runs in the test's thread.
final class TestEnvironment: ExchangeEnvironment, ServerDelegate {
    let test = TestLoop()
    var snapshot: Snapshot
    let scanner = JSONScanner()
    let metrics: WorkerMetrics
    let budget: MemoryBudget
    let retries = RetryBudget()
    let promptHasher = PromptHasher()
    let bodyQueue = Lock(BodyQueue())
    let addresses = AddressTable()
    private(set) var addressRefusals: [AddressRefusal] = []
    /// The clients about whom the operator was warned, because they cancelled too many requests during the prefill.
    private(set) var resetWarnings: [String] = []
    let access: Authenticator
    let keyHasher: HMACSHA256Hasher?
    var isLeaving = false
    let instanceID = "freeinference-0123456789abcdef"
    var maintenance: Maintenance?
    let date = "Sat, 28 Nov 2026 01:30:00 GMT"
    private var begun = 0

    /// Every request to an executor so far, in order.
    private(set) var executors: [PlayedExecutor] = []
    private(set) var exchanges: [Exchange] = []
    private(set) var finished: [FinishedExchange] = []
    private(set) var refusals: [Int] = []
    private(set) var scans: [(body: RequestBody, coding: ContentCoding?, charge: BodyCharge, exchange: Exchange)] = []
    private let waitEnds = Lock<[(number: Int, end: WaitEnd)]>([])

    init(_ snapshot: Snapshot, access: Authenticator = Authenticator(), memory: Int = 64 << 20) {
        self.snapshot = snapshot
        budget = MemoryBudget(limit: memory)
        self.access = access
        keyHasher = access.makeHasher()
        metrics = WorkerMetrics(tenants: TenantLabels())
    }

    var loop: EventLoop { test.loop }
    func addressRefused(_ refusal: AddressRefusal) { addressRefusals.append(refusal) }
    func resetsRefused(of client: String, most: Int) { resetWarnings.append(client) }
    func nextExchangeID() -> ExchangeID {
        begun += 1
        return ExchangeID(processStart: 1, number: begun)
    }
    func requestID(for head: RequestHead) -> String { head.fields.string(.requestID) ?? "request-\(begun + 1)" }

    func send(
        _ request: ExecutorRequest,
        to target: ExecutorTarget,
        handler: any ExecutorStreamHandler
    ) -> any ExecutorStream {
        let executor = PlayedExecutor(request, at: target, handler: handler)
        executors.append(executor)
        return executor
    }

    func refuse(_ slow: SlowBodies) {
        let refused = exchanges.refuse(slow)
        bodyQueue.withLock { $0.refusedSlow(refused) }
    }

    func refuseLongestWait(besides exchange: Exchange) -> Bool {
        guard exchanges.refuseLongestWait(besides: exchange) else { return false }
        bodyQueue.withLock { $0.refusedLongest() }
        return true
    }

    func waitEnd(for exchange: Exchange) -> @Sendable (WaitEnd) -> Void {
        let number = exchange.record.id.number
        let waitEnds = waitEnds
        return { end in waitEnds.withLock { $0.append((number, end)) } }
    }

    func scanHere(_ body: RequestBody, for exchange: Exchange) -> Result<RequestScan, RequestScanError>? {
        do throws(RequestScanError) {
            return .success(try exchange.scan(body, with: scanner))
        } catch {
            return .failure(error)
        }
    }

    func scanElsewhere(_ body: RequestBody, coding: ContentCoding?, charge: BodyCharge, for exchange: Exchange) {
        scans.append((body, coding, charge, exchange))
    }

    /// Scans the oldest body in the queue, as the scan thread of the server does.
    func carryOutScan() {
        let scan = scans.removeFirst()
        let job = ScanThread.Job(
            body: InTransit(value: scan.body),
            charge: scan.charge,
            budget: budget,
            dialect: scan.exchange.dialect,
            names: scan.exchange.snapshot.sessionFields.members,
            coding: scan.coding,
            bytesMax: snapshot.limits.bodyBytesMax,
            reply: { _ in }
        )
        scan.exchange.scanThreadReplied(ScanThread.carryOut(job, with: scanner))
    }

    func exchangeEnded(_ exchange: Exchange, _ finished: FinishedExchange) {
        self.finished.append(finished)
        metrics.count(finished)
    }

    /// Tells exchanges that waited for a slot how their wait has ended, as messages to a worker do in the server.
    func deliverWaitEnds() {
        let ends = waitEnds.withLock { list in
            defer { list = [] }
            return list
        }
        for (number, end) in ends {
            guard let exchange = exchanges.first(where: { $0.record.id.number == number }) else {
                end.giveBack(at: loop.now)
                continue
            }
            exchange.waitEnded(end)
        }
    }

    // MARK: ServerDelegate

    func handler(for head: RequestHead, on stream: ServerStream) -> any ServerStreamHandler {
        let exchange = Exchange(environment: self, head: head, stream: stream)
        exchanges.append(exchange)
        return exchange
    }
    func refusal(status: Int, message: String, on stream: ServerStream) { refusals.append(status) }
    func refusedForMemory(on connection: ServerConnection) {}
    func connectionEnded(_ connection: ServerConnection) {}

    /// Breaks reference cycles at the end of a test; no other function may be called afterwards.
    func forget() {
        for executor in executors { executor.cancel() }
        test.loop.dismantle()
        exchanges = []
        executors = []
        scans = []
    }
}

/// A client with one connection, whose requests are handled in a test's environment.
final class TestClient {
    let environment: TestEnvironment
    let peer: Peer
    private let connection: ServerConnection

    init(_ environment: TestEnvironment, settings: ServerSettings = ServerSettings()) throws {
        self.environment = environment
        let (socket, peer) = try environment.test.tcp()
        self.peer = peer
        let channel = try Channel.accept(socket, peer: Sockets.localAddress(of: socket)!, loop: environment.loop)
        connection = ServerConnection(
            channel: channel,
            settings: settings,
            environment: HTTP2Environment(),
            account: MemoryAccount(source: environment.budget),
            delegate: environment
        )
        connection.start()
    }

    deinit {
        connection.close(.edge)
        environment.test.settle(peer)
        environment.forget()
    }

    /// Sends the head of a chat request and the first bytes of its body.
    func begin(
        _ body: String,
        length: Int,
        path: String = "/v1/chat/completions",
        method: String = "POST",
        fields: String = "content-type: application/json"
    ) {
        peer.send(
            "\(method) \(path) HTTP/1.1\r\nhost: h\r\n\(fields)\r\ncontent-length: \(length)\r\n\r\n\(body)"
        )
        settle()
    }

    /// Sends a complete request, and turns the loop until it reaches its executor.
    func ask(
        _ body: String = chat(),
        path: String = "/v1/chat/completions",
        method: String = "POST",
        fields: String = "content-type: application/json"
    ) {
        begin(body, length: body.utf8.count, path: path, method: method, fields: fields)
    }

    func settle() {
        environment.test.settle(peer)
        environment.deliverWaitEnds()
        environment.test.settle(peer)
    }
    /// Advances the test's clock by `duration` in small steps, and lets the event loop run after each step.
    func pass(_ duration: Nanoseconds, step: Nanoseconds = 50_000_000) {
        var left = duration
        while left > 0 {
            let next = min(left, step)
            environment.test.pass(next, peer)
            environment.deliverWaitEnds()
            left -= next
        }
        settle()
    }
    func leave() {
        peer.reset()
        environment.test.settle(peer)
    }

    /// Everything that the client has received, without the framing of HTTP/1.1 chunks.
    var received: String {
        settle()
        return peer.text
    }
    var status: Int? { received.split(separator: " ").dropFirst().first.flatMap { Int($0) } }

    var exchange: Exchange { environment.exchanges[environment.exchanges.count - 1] }
    var executors: [PlayedExecutor] { environment.executors }
    var finished: FinishedExchange? { environment.finished.last }
}

func chat(stream: Bool = true, model: String = "m") -> String {
    #"{"model":"\#(model)","stream":\#(stream),"messages":[{"role":"user","content":"hello"}]}"#
}

/// Events of a chat completion stream, as an executor sends them.
enum Said {
    static let token = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n"
    static let finish = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
    static let done = "data: [DONE]\n\n"
    static func error(_ code: Int = 503) -> String { "data: {\"error\":{\"message\":\"no\",\"code\":\(code)}}\n\n" }
    static let document = #"{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}]}"#
}

/// The snapshot of a configuration whose executors are not probed.
///
/// - Parameters:
///   - models: The list under `models`, in YAML.
///   - settings: Further keys of the file.
///   - registry: The registry that resolves the configuration; a new one by default.
func testSnapshot(models: String, settings: String = "", registry: Registry = Registry()) throws -> Snapshot {
    let text = """
        listeners: [{address: "127.0.0.1:8080"}]
        \(settings)
        models:
        \(models)
        """
    return registry.resolve(try configuration(text))
}

extension Snapshot {
    /// The pool of the model with this id; the model must be in the snapshot.
    func pool(of id: String) -> ExecutorPool {
        guard let model = models.first(where: { $0.entry.name == id }) else { fatalError("no model \(id)") }
        return model.pool
    }
}

/// Makes an attempt for the first model in the configuration of the environment; it is a chat by default.
func testAttempt(
    _ lease: ExecutorLease,
    in environment: TestEnvironment,
    owner: any AttemptOwner,
    dialect: Dialect = .openAIChat,
    choices: Int = 1
) -> Attempt {
    let snapshot = environment.snapshot
    return Attempt(
        lease,
        at: snapshot.target(of: lease.executor, in: lease.pool),
        dialect: dialect,
        choices: choices,
        row: environment.metrics.row(of: snapshot.models[0].entry),
        environment: environment,
        account: MemoryAccount(),
        owner: owner
    )
}

/// Makes a request in the state that it has once the exchange has read and scanned its body.
func testRequest(
    _ environment: TestEnvironment,
    _ text: String = chat(),
    dialect: Dialect = .openAIChat
) throws -> IncomingRequest {
    let head = RequestHead(
        method: .post,
        target: Array("/v1/chat/completions".utf8),
        authority: Array("h".utf8),
        version: .http11,
        fields: FieldBlock(),
        body: .unknown
    )
    let body = RequestBody()
    body.append(Array(text.utf8).span)
    let request = IncomingRequest(
        head,
        target: RequestTarget(head.target),
        client: SocketAddress(numeric: "192.0.2.1", port: 1)!
    )
    request.scan = try environment.scanner.scanRequest(body, dialect: dialect)
    request.body = body
    return request
}
