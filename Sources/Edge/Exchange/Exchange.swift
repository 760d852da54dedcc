// One request of a client and its response, from the head to the last byte: carries out what its machine decides.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// The client's side of an exchange; each try at an executor is an `Attempt` of its own.
///
/// Confined to its worker. The type is split by subject: this file has the state, the actions and the end. A request
/// goes through `Exchange+Request` and then `Exchange+Attempts`; its response through `Exchange+Response`, or, if no
/// executor is asked, `Exchange+OwnAnswers`. The timer is in `Exchange+Deadlines`, the caller in
/// `Exchange+Authentication`.
final class Exchange {
    let environment: any ExchangeEnvironment
    let stream: ServerStream
    let snapshot: Snapshot
    let endpoint: Endpoint
    let fields: ResponseFields
    /// The key of the exchange in the table of its worker, which sets it.
    var key = SlabKey(index: .max, generation: .max)
    private(set) var machine = ExchangeMachine()
    var record: ExchangeRecord
    /// The request; nil as soon as no attempt can need it any more.
    var request: IncomingRequest?
    /// The caller whose limits the exchange uses, from authentication to the end.
    var caller: Caller?
    /// The selection of executors; nil until the model is known.
    var selection: ExecutorSelection?
    /// The attempt under way, or the one that the answer came from.
    var attempt: Attempt?
    /// The memory that the exchange is charged, on the account of the client's connection.
    var memory: ExchangeMemory
    var deadlines = Deadlines()

    init(environment: any ExchangeEnvironment, head: RequestHead, stream: ServerStream) {
        self.environment = environment
        self.stream = stream
        snapshot = environment.snapshot
        // Endpoints are matched by the normal form of the target, and executors are sent that form.
        let target = RequestTarget(head.target)
        endpoint = Endpoint(method: head.method, target: target, passthrough: snapshot.passthrough)
        fields = ResponseFields(
            requestID: environment.requestID(for: head),
            dialect: endpoint.dialect(of: head),
            crossOrigin: snapshot.crossOrigin?.grant(head.fields)
        )
        record = ExchangeRecord(head, id: environment.nextExchangeID(), now: environment.loop.now)
        memory = ExchangeMemory(account: stream.connection.account, budget: environment.budget)
        request = IncomingRequest(head, target: target)
    }

    /// The dialect that the client speaks.
    var dialect: Dialect { fields.dialect }
    var phase: ExchangeMachine.Phase { machine.phase }
    var now: Nanoseconds { environment.loop.now }

    /// Reports an event to the machine, and carries out the actions that it returns.
    func handle(_ event: ExchangeMachine.Event) {
        for action in machine.handle(event) { perform(action) }
    }

    private func perform(_ action: ExchangeMachine.Action) {
        switch action {
        case .startAttempt: startAttempt()
        case .commit: commit()
        case .commitSilently: commitSilently()
        case .sendComment: sendComment()
        case .answer(let failure): answer(failure)
        case .finish: finishResponse()
        case .breakOff(let failure): breakOff(failure)
        case .cutClient:
            record.bytesLost = stream.buffered
            stream.abort()
        case .abortAttempt: attempt?.cancel()
        case .stopWaiting: stopWaiting()
        case .end(let end): self.end(end)
        }
    }

    /// Releases the head and the body of the request, and gives back the memory that is charged for them.
    func letGoOfRequest() {
        request = nil
        memory.letGoOfBody()
        stream.letGoOfHead()
    }

    // MARK: The end

    private func end(_ end: ExchangeMachine.End) {
        let usage = usage(end)
        settleCaller(usage)
        letGoOfRequest()
        selection?.ended(at: now)
        memory.end()
        stream.payOutput(0)
        deadlines.timer.cancel(on: environment.loop)
        record.bytesLost = max(record.bytesLost, stream.bytesLost)
        var finished = record.finished(
            end,
            requestID: fields.requestID,
            client: stream.client,
            attempt: attempt?.failure == nil ? attempt : nil,
            wait: selection?.wait ?? ExecutorWait(),
            usage: usage,
            bytesOut: stream.bytesSent,
            now: now
        )
        finished.showsEngineErrors = snapshot.logsEngineErrors
        finished.isHealthCheck = endpoint == .health
        environment.exchangeEnded(self, finished)
    }

    /// The tokens that the exchange has used; nil if it named no model, or only asked to count tokens.
    private func usage(_ end: ExchangeMachine.End) -> Usage? {
        guard record.row != nil, !dialect.onlyCounts else { return nil }
        // No tokens are used if no executor had the request, or if the last one failed before its answer was ready.
        guard let attempt, attempt.hasRequest, attempt.failure == nil else { return Usage.none }
        var usage: Usage
        let bytes = max(stream.bytesSent, attempt.answer.documentBytes)
        switch attempt.answer.kind {
        case .events:
            usage = Usage(
                attempt.meter,
                isWhole: (end == .complete || attempt.meter.isComplete) && !attempt.meter.sawError,
                requestBytes: record.promptBytes
            )
        case .document, .passing:
            guard (200..<300).contains(attempt.status) else { return Usage.none }
            usage = Usage(attempt.answer.scan, dialect: dialect, answerBytes: bytes, requestBytes: record.promptBytes)
        case .failure: return Usage.none
        case .none: return Usage(requestBytes: record.promptBytes)
        }
        record.bounds.cap(&usage, answerBytes: bytes, seen: attempt.meter.tokens)
        return usage
    }
}

extension Endpoint {
    /// The dialect in which errors and lists are written for a request to this endpoint.
    fileprivate func dialect(of head: RequestHead) -> Dialect {
        if case .model(let dialect) = self { return dialect }
        return isOfModels && head.fields.string(named: "anthropic-version") != nil ? .messages : .other
    }
}
