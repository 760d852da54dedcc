// One request to the simulator, from its body to the end of its response.
internal import HTTP
internal import Inference
internal import Transport

/// Reads a request, chooses the endpoint, and sends the response at the requested pace.
///
/// Only the thread of the simulator's loop may use it.
final class SimulatedExchange: ServerStreamHandler, TimerTarget {
    private enum Phase { case body, prefill, stream, over }
    /// How many bytes a request body may have: 128 MiB.
    private static let bodyMax = 128 << 20

    let simulator: ExecutorSimulator
    let stream: ServerStream
    private let head: RequestHead
    private let path: String
    private let query: String
    private let endpoint: ModelEndpoint?
    private var body: [UInt8] = []
    private var phase = Phase.body
    private var isRefused = false
    /// The model of the request; empty before the request is read.
    private var model = ""
    private var generation: Generation?
    private var pacer: Pacer?
    /// How many tokens per second each choice gets.
    private var pace = 0.0
    /// The prompts, divided into blocks for the prefix cache; nil before the prefill and after the first token.
    ///
    /// The value is always nil for a request that only counts tokens, and if the simulator has neither a prefix cache
    /// nor a prefill rate.
    private(set) var blocks: PromptBlocks?

    /// The earliest time, by the loop's clock, at which the next token may be generated; at first the end of the
    /// prefill.
    private(set) var readyAt: Nanoseconds = 0
    /// The index of the time slot in which a `Pacer` lets the exchange generate its next token; -1 if it has no pacer.
    ///
    /// Only the pacer sets `slot`, `indexInSlot` and `round`.
    var slot = -1
    /// The index of the exchange within its time slot of the `Pacer`.
    var indexInSlot = 0
    /// The number of the last round in which the `Pacer` called `step` on this exchange; -1 if it has not done so yet.
    ///
    /// In a round, the pacer calls `step` on each exchange of one time slot.
    var round = -1

    init(simulator: ExecutorSimulator, stream: ServerStream, head: RequestHead) {
        self.simulator = simulator
        self.stream = stream
        self.head = head
        let target = String(decoding: head.target, as: UTF8.self)
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        path = parts[0]
        query = parts.count > 1 ? parts[1] : ""
        // The fault `redirect` sends the client to the same path with a trailing slash, so the endpoint is found
        // without the slash.
        let name = path.hasSuffix("/") ? String(path.dropLast()) : path
        endpoint = head.method == .post ? ModelEndpoint(rawValue: name) : nil
        if !path.hasPrefix("/simulator/") { simulator.counters.count(path: path) }
        if head.expectsContinue { stream.sendInformational(ResponseHead(status: 100)) }
    }

    // MARK: ServerStreamHandler

    func requestBody(_ bytes: Span<UInt8>) {
        stream.consumed(bytes.count)
        guard !isRefused else { return }
        guard body.count + bytes.count <= Self.bodyMax else {
            isRefused = true
            refuse(Refusal(status: 413, message: "the body is too large"))
            return
        }
        unsafe bytes.withUnsafeBufferPointer { unsafe body.append(contentsOf: $0) }
    }

    func requestEnded() {
        guard phase == .body, !isRefused else { return }
        keepAsLast()
        guard !isAnsweredByServer() else { return }
        guard let endpoint else {
            phase = .over
            Endpoints.answer(head.method, path: path, query: query, of: simulator, on: stream)
            return
        }
        do throws(Refusal) {
            try begin(endpoint)
        } catch {
            refuse(error)
        }
    }

    /// Answers in place of the model if the model is being loaded, or if the path belongs to a dialect that is not
    /// served.
    ///
    /// - Returns: whether the request has been answered.
    private func isAnsweredByServer() -> Bool {
        if !path.hasPrefix("/simulator/"), path != "/v1/models", simulator.isLoading {
            phase = .over
            simulator.counters.refused += 1
            let type = "application/json; charset=utf-8"
            ExecutorSimulator.respond(status: 503, body: OtherAnswers.loading, contentType: type, on: stream)
            return true
        }
        guard let endpoint, simulator.options.dialects?.contains(endpoint.dialect) == false else { return false }
        phase = .over
        ExecutorSimulator.respond(status: 404, body: OtherAnswers.noSuchPath, on: stream)
        return true
    }

    /// Stores the request, so that `GET /simulator/last` can show it.
    private func keepAsLast() {
        guard !path.hasPrefix("/simulator/"), head.method != .get else { return }
        var last = LastRequest(method: head.method.text, target: head.target, authority: head.authority, body: body)
        last.version = "\(head.version)"
        last.fields = (0..<head.fields.count).map {
            let name = String(decoding: head.fields.name($0), as: UTF8.self)
            return (name, String(decoding: head.fields.value($0), as: UTF8.self))
        }
        simulator.last = last
    }

    func clientLeft(_ end: ClientEnd) {
        let time = Clock.monotonicNow()
        guard phase != .over, endpoint != nil else {
            phase = .over
            return
        }
        if let generation, generation.ignoresClose {
            generation.hasLostClient = true
            return
        }
        let log: AbortLog.Phase = phase == .body ? .body : phase == .prefill ? .prefill : .stream
        if case .edge = end {
        } else {
            let id = head.fields.string(.requestID)
            simulator.aborts.add(requestID: id, time: time, phase: log, emitted: generation?.emitted ?? 0)
            simulator.counters.aborted += 1
        }
        over()
    }

    func outputMoved() {}
    func responseFinished() {}

    // MARK: The life of a model request

    /// Starts to serve a model request, or rejects it.
    private func begin(_ endpoint: ModelEndpoint) throws(Refusal) {
        let request = try ModelRequest(
            endpoint,
            body: body,
            options: simulator.options,
            serverFaults: simulator.serverFaults
        )
        body = []
        if request.hasServerFaults { simulator.useServerFaults() }
        if case .status(let status) = request.faults.ending {
            let refusal = Refusal(status: status, message: "a fault on request", type: "SimulatedError")
            refuse(refusal, retryAfter: request.retryAfter)
            return
        }
        if case .redirect(let status) = request.faults.ending, !path.hasSuffix("/") {
            redirect(status)
            return
        }
        if let most = simulator.options.runningMax, simulator.counters.running >= most {
            let refusal = Refusal(status: 429, message: "Model is overloaded", type: "overloaded")
            refuse(refusal, retryAfter: request.retryAfter)
            return
        }
        startPrefill(request, endpoint)
    }

    /// Redirects to the same path with a trailing slash.
    private func redirect(_ status: Int) {
        phase = .over
        var fields = FieldBlock()
        fields.append(name: "location", value: path + "/")
        fields.append(.contentLength, 0)
        stream.respond(ResponseHead(status: status, fields: fields), end: true)
    }

    /// Starts the prefill of an accepted request: the wait before the first token.
    ///
    /// If the prompt is put in the queue `Prefills`, the queue calls `prefillEnded` after the prefill. Otherwise the
    /// `Pacer` calls `step`, which generates nothing before the prefill has ended.
    private func startPrefill(_ request: ModelRequest, _ endpoint: ModelEndpoint) {
        simulator.counters.began(model: request.model)
        model = request.model
        simulator.counters.waiting += 1
        phase = .prefill
        readyAt = simulator.loop.now + (endpoint == .countTokens ? 0 : request.prefill)
        let generation = Generation(exchange: self, request: request)
        self.generation = generation
        guard generation.begin() else { return }
        pace = request.pace
        if let prefills = simulator.prefills, endpoint != .countTokens {
            blocks = request.blocks
            guard !prefills.begin(self, hasOwnTime: request.hasOwnPrefill) else { return }
        }
        join(simulator.pacer(for: pace))
    }

    private func join(_ pacer: Pacer) {
        self.pacer = pacer
        pacer.join(self)
    }

    /// Reports how many tokens of the prompt the prefix cache had when the prefill began.
    func prefillBegan(cachedTokens: Int) { generation?.report(cachedTokens: cachedTokens) }

    /// Generates the first tokens; called when the prefill of this exchange has ended.
    ///
    /// `Prefills`, the queue of prompts to compute, calls this function for the exchanges in the queue.
    func prefillEnded() {
        // The first token is generated here, and the `Pacer` times all later tokens. The pacer may call `step` at any
        // moment from now on, so `readyAt` delays the second token until one period of the pacer has passed.
        let pacer = simulator.pacer(for: pace)
        readyAt = simulator.loop.now + pacer.period
        join(pacer)
        generate()
    }

    /// Generates the next tokens, unless the time `readyAt` is still to come.
    ///
    /// The pacer calls this function.
    func step() {
        guard simulator.loop.now >= readyAt else { return }
        generate()
    }

    private func generate() {
        if phase == .prefill {
            phase = .stream
            simulator.counters.waiting -= 1
            if let blocks { simulator.prefills?.keep(blocks) }
            blocks = nil
        }
        generation?.step()
    }

    private func refuse(_ refusal: Refusal, retryAfter: String? = nil) {
        phase = .over
        simulator.counters.refused += 1
        let body = OtherAnswers.error(refusal, isAnthropic: endpoint?.isAnthropic == true)
        ExecutorSimulator.respond(status: refusal.status, body: body, retryAfter: retryAfter, on: stream)
    }

    /// Stops the generation without ending the response.
    func stall() { pacer?.leave(self) }

    /// Counts a complete response.
    func finished() {
        simulator.counters.finished += 1
        over()
    }

    /// Counts a response that a fault has ended.
    func broke() {
        simulator.counters.broken += 1
        over()
    }

    /// Marks the exchange as over: it no longer counts as in progress, and its `Pacer` generates no more tokens for it.
    ///
    /// Some of the exchange's output may still wait to be sent.
    private func over() {
        guard phase != .over else { return }
        if phase != .body { simulator.counters.ended(model: model) }
        if phase == .prefill {
            simulator.counters.waiting -= 1
            simulator.prefills?.leave(self)
        }
        phase = .over
        pacer?.leave(self)
        pacer = nil
        generation = nil
    }

    // MARK: Output

    /// Output that is written in separate pieces, one millisecond apart, so that the client receives each piece alone.
    private var pieces: [Piece] = []
    private var nextPiece = 0
    private enum Piece {
        case bytes([UInt8])
        case end(End)
    }
    /// How a response ends.
    enum End {
        /// The body ends normally.
        case finish
        /// The connection closes before the body is complete.
        case abort
        /// The connection closes with a TCP reset.
        case reset
    }

    /// Adds bytes to `pieces`: a timer sends them one millisecond after the previous piece, so that the client receives
    /// them alone.
    func sendLater(_ bytes: [UInt8]) { add(.bytes(bytes)) }

    private func add(_ piece: Piece) {
        if nextPiece == pieces.count { scheduleTimer() }
        pieces.append(piece)
    }

    /// Ends the response; if some `pieces` have not been written yet, the response ends after them.
    func end(_ end: End) {
        if nextPiece < pieces.count { add(.end(end)) } else { endNow(end) }
    }

    private func endNow(_ end: End) {
        switch end {
        case .finish: stream.finish()
        case .abort: stream.abort()
        case .reset: if pieces.isEmpty || nextPiece == pieces.count { add(.end(.reset)) }
        }
    }

    private func scheduleTimer() {
        _ = simulator.loop.timers.schedule(at: simulator.loop.now + 1_000_000, target: self, kind: 0)
    }

    func timerFired(_ kind: Int) {
        guard nextPiece < pieces.count, !stream.isClosed else { return }
        switch pieces[nextPiece] {
        case .bytes(let bytes):
            nextPiece += 1
            stream.send(bytes.span)
        case .end(.reset):
            // The reset waits until the kernel has accepted all bytes, because `reset` discards bytes that
            // are still buffered.
            if stream.buffered == 0 {
                nextPiece += 1
                stream.connection.channel.reset()
                stream.connection.close(.edge)
            }
        case .end(let end):
            nextPiece += 1
            endNow(end)
        }
        if nextPiece < pieces.count { scheduleTimer() }
    }
}
