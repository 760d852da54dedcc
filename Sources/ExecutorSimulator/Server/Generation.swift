// Generates the response to one model request token by token, with the requested faults.
internal import HTTP
internal import Transport

/// The response to one model request.
///
/// The response belongs to its `SimulatedExchange`. Only the thread of the simulator's loop may use it.
final class Generation {
    /// Generation pauses while the stream's buffer holds this many bytes, because the client does not read.
    private static let bufferedMax = 256 << 10
    /// The largest number of tokens that one call of `step` generates at a pace of 0, which means as fast as possible.
    private static let tokensPerStepMax = 64

    private unowned let exchange: SimulatedExchange
    private let simulator: ExecutorSimulator
    private let stream: ServerStream
    private let request: ModelRequest
    private var form: any AnswerForm
    private var facts: AnswerFacts
    private let templates: [EventTemplate]
    /// The templates for events with reasoning, one for each choice; empty if the response has no reasoning.
    ///
    /// If it has reasoning, the first half of its tokens is reasoning.
    private let reasoning: [EventTemplate]
    private var opening: [[UInt8]]
    private let openingCount: Int
    private let faults: Faults
    private let endsAfter: Int
    private var shaper: EventShaper

    /// How many tokens each choice has so far.
    private var made = 0
    /// How many token events were written so far; for a response that is not streamed, the same number as `made`.
    private(set) var emitted = 0
    private var isOpened = false
    /// Whether the client has disconnected, but the fault `ignoresClose` lets the generation go on.
    var hasLostClient = false
    /// Whether tokens are generated even after the client has disconnected.
    var ignoresClose: Bool { faults.ignoresClose }

    /// Prepares a response without sending anything.
    init(exchange: SimulatedExchange, request: ModelRequest) {
        self.exchange = exchange
        simulator = exchange.simulator
        stream = exchange.stream
        self.request = request
        faults = request.faults
        endsAfter = faults.endsAfter ?? .max
        shaper = EventShaper(faults)
        let prefix = ["/v1/completions": "cmpl-", "/v1/responses": "resp_", "/v1/messages": "msg_"]
        facts = AnswerFacts(
            id: (prefix[request.endpoint.rawValue] ?? "chatcmpl-") + simulator.nextIdentifier(),
            created: simulator.created,
            model: request.model,
            choices: request.keys.count,
            includesUsage: request.includesUsage,
            promptTokens: request.promptTokens,
            endsByLength: request.endsByLength,
            isAborted: faults.ending == .aborted,
            hasNoReason: faults.ending == .noReason
        )
        facts.reasoningField = simulator.options.reasoningField
        facts.hasTimings = simulator.options.kind == .llamaCpp
        form = request.endpoint.form(facts)
        let choices = 0..<request.keys.count
        reasoning = request.isStream ? choices.compactMap(form.reasoning) : []
        templates = request.isStream ? (0..<request.keys.count).map(form.token) : []
        opening = request.isStream ? form.opening() : []
        openingCount = opening.count
    }

    /// Lets the response report how many tokens of the prompt came from the prefix cache, unless the options forbid it.
    ///
    /// The function must be called before the first call of `step`.
    func report(cachedTokens: Int) {
        guard simulator.options.reportsCachedTokens else { return }
        facts.cachedTokens = cachedTokens
        form = request.endpoint.form(facts)
        if request.isStream { opening = form.opening() }
    }

    /// Starts the response before its first token: sends the head, or simulates a fault in place of the head.
    ///
    /// The head is sent later if the response is not a stream, if the request asks for a late head, or if the fault is
    /// an error document.
    ///
    /// - Returns: false if a fault has taken the place of the head, so that no tokens are to be generated.
    func begin() -> Bool {
        switch faults.ending {
        case .noAnswer: return false
        case .closeBeforeHead:
            exchange.broke()
            exchange.end(.abort)
            return false
        case .garbageHead:
            let connection = stream.connection
            exchange.broke()
            GarbageHead.send(on: connection)
            return false
        default: break
        }
        if request.isStream, !request.isHeadLate, faults.ending != .errorDocument { sendHead() }
        return true
    }

    private func sendHead() {
        guard !stream.isHeadSent else { return }
        var fields = FieldBlock()
        if !faults.lacksLabel { fields.append(.contentType, "text/event-stream; charset=utf-8") }
        fields.append(.cacheControl, "no-cache")
        fields.append(.server, "simulator")
        stream.respond(ResponseHead(status: 200, fields: fields), end: false)
    }

    // MARK: Steps

    /// Generates the tokens that are due now, or ends the response; called by a `Pacer` at the pace of the request.
    func step() {
        guard request.isStream else {
            stepWhole()
            return
        }
        if faults.ending != .errorDocument { sendHead() }
        if emitted == endsAfter {
            endByFault()
            return
        }
        if faults.ending == .onlyEnd {
            finishStream()
            return
        }
        let steps = request.pace > 0 ? 1 : Self.tokensPerStepMax
        for _ in 0..<steps {
            guard hasRoom, emitEachChoice() else { return }
            guard made < request.count else {
                finishStream()
                return
            }
        }
    }

    /// Whether the stream's buffer has room for more events.
    ///
    /// After the client has disconnected, there is always room.
    private var hasRoom: Bool { hasLostClient || stream.buffered < Self.bufferedMax }

    /// Writes the next token of each choice, unless all tokens have been written.
    ///
    /// - Returns: false if a fault has ended the response.
    private func emitEachChoice() -> Bool {
        guard made < request.count else { return true }
        if !isOpened { open() }
        for choice in templates.indices {
            emit(choice)
            if emitted == endsAfter {
                endByFault()
                return false
            }
        }
        made += 1
        return true
    }

    private func open() {
        isOpened = true
        for event in opening { write(event) }
    }

    private func emit(_ choice: Int) {
        simulator.counters.emitted += 1
        emitted += 1
        // The simulator's buffer is moved here by a swap, because a second reference to it would cause a copy.
        var event: [UInt8] = []
        swap(&event, &simulator.event)
        if emitted == 1, let size = faults.hugeEvent {
            render(choice, text: [UInt8](repeating: UInt8(ascii: "x"), count: size), into: &event)
        } else {
            let word = simulator.vocabulary.token(request.start + made, key: request.keys[choice])
            render(choice, text: word, into: &event)
        }
        if shaper.isPlain { stream.send(event.span) } else { write(event) }
        swap(&event, &simulator.event)
    }

    private func render(_ choice: Int, text: [UInt8], into event: inout [UInt8]) {
        let isReasoning = made < request.count / 2 && !reasoning.isEmpty
        let template = isReasoning ? reasoning[choice] : templates[choice]
        template.render(text, time: Clock.monotonicNow(), number: openingCount + emitted - 1, into: &event)
    }

    /// Writes an event, changed by the simulated faults: for example, cut into pieces or joined with later events.
    private func write(_ event: [UInt8]) { send(shaper.add(event)) }

    /// Writes the events that the `EventShaper` has held back.
    ///
    /// The function must be called before the stream ends, and before it stalls by a simulated fault.
    private func flush() { send(shaper.finish()) }

    private func send(_ chunks: [[UInt8]]) {
        for chunk in chunks {
            if shaper.isCut { exchange.sendLater(chunk) } else { stream.send(chunk.span) }
        }
    }

    private var texts: [String] {
        if let size = faults.bigBody { return [String(repeating: "x", count: size)] }
        return request.keys.map { simulator.vocabulary.text(request.start..<request.start + made, key: $0) }
    }
    private var tokens: Int { made * request.keys.count }
    private var nextNumber: Int { openingCount + emitted }

    private func finishStream() {
        if !isOpened, faults.ending != .onlyEnd { open() }
        var events = form.closing(texts: texts, tokens: tokens, number: nextNumber)[...]
        let isWhole = faults.ending != .noDone
        if !isWhole { events = events.dropLast() }
        if faults.ending == .onlyEnd { events = events.suffix(1) }
        for event in events { write(event) }
        flush()
        if isWhole { exchange.finished() } else { exchange.broke() }
        exchange.end(.finish)
    }

    // MARK: Responses that are not streamed

    /// Generates the next token of a response that is not streamed, or all tokens at a pace of 0, which means as fast
    /// as possible.
    ///
    /// Sends the whole response after the last token.
    private func stepWhole() {
        while true {
            if emitted == endsAfter {
                endByFault()
                return
            }
            guard made < request.count else { break }
            made += 1
            emitted += 1
            if request.pace > 0, made < request.count { return }
        }
        let answer = whole
        exchange.finished()
        ExecutorSimulator.respond(body: answer, on: stream)
    }

    /// The body of a response that is not streamed.
    private var whole: [UInt8] {
        switch request.endpoint {
        case _ where faults.ending == .onlyEnd: []
        case .embeddings: OtherAnswers.embeddings(request)
        case .rerank: OtherAnswers.rerank(request, id: "rerank-" + simulator.nextIdentifier())
        case .countTokens: OtherAnswers.countTokens(request)
        default: form.whole(texts: texts, tokens: tokens)
        }
    }

    // MARK: Faults

    private func endByFault() {
        switch faults.ending {
        case .stallAfter:
            flush()
            exchange.stall()
        case .resetAfter: breakOff(.reset)
        case .endEarly: breakOff(.finish)
        case .errorEvent, .errorOnly, .mistakeEvent, .errorLine: reportError()
        case .errorDocument:
            exchange.broke()
            ExecutorSimulator.respond(body: AnswerFacts.error(.engineFailed), on: stream)
        case .cutInside, .cutJSON: cut()
        default: breakOff(.abort)
        }
    }

    /// Ends the response before it is complete.
    private func breakOff(_ end: SimulatedExchange.End) {
        if end == .finish, !request.isStream {
            let whole = form.whole(texts: texts, tokens: tokens)
            exchange.broke()
            ExecutorSimulator.respond(body: Array(whole.prefix(whole.count / 2)), on: stream)
            return
        }
        flush()
        exchange.broke()
        exchange.end(end)
    }

    /// Writes the first half of the next event, or of the whole body, and then aborts the response.
    private func cut() {
        if request.isStream {
            if !isOpened { open() }
            var event: [UInt8] = []
            render(0, text: simulator.vocabulary.token(request.start + made, key: request.keys[0]), into: &event)
            write(Array(event.prefix(event.count / 2)))
        } else {
            let whole = form.whole(texts: texts, tokens: tokens)
            var fields = FieldBlock()
            fields.append(.contentType, "application/json")
            fields.append(.contentLength, whole.count)
            stream.respond(ResponseHead(status: 200, fields: fields), end: false)
            stream.send(whole.span.extracting(0..<whole.count / 2))
        }
        breakOff(.abort)
    }

    /// Sends the error that the simulated fault demands, and ends the response.
    private func reportError() {
        var fault: StreamFault = emitted == 0 ? .queueFull : .engineFailed
        if case .mistakeEvent = faults.ending { fault = .tooLong }
        exchange.broke()
        guard request.isStream else {
            ExecutorSimulator.respond(status: fault.status, body: AnswerFacts.error(fault), on: stream)
            return
        }
        let events = form.failure(fault, number: nextNumber)
        switch faults.ending {
        case .errorOnly: write(events[0])
        case .errorLine: write(AnswerFacts.error(fault) + [0x0A])
        default: for event in events { write(event) }
        }
        flush()
        exchange.end(.finish)
    }
}
