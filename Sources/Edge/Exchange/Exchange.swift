// One request of a client and its response, from the first byte of the head to the last byte of the response.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// The client's side of an exchange; each try at an executor is a separate `Attempt`.
///
/// Confined to its worker. The type is split into one file for each subject. This file has the state, the actions and
/// the end. `Exchange+Request` handles a request up to the choice of pools, `Exchange+Attempts` chooses executors, and
/// `Exchange+Response` sends the response. `Exchange+OwnAnswers` has the endpoints that need no executor.
/// `Exchange+BodyWait` handles a body that waits for memory. `Exchange+Deadlines` has the timer, and
/// `Exchange+Authentication` the caller's key and limits.
final class Exchange {
    let environment: any ExchangeEnvironment
    let stream: ServerStream
    let snapshot: Snapshot
    let endpoint: Endpoint
    let fields: ResponseFields
    /// The index and generation by which the worker's table finds this exchange; set by the worker.
    var key = SlabKey(index: .max, generation: .max)
    private(set) var machine = ExchangeMachine()
    var record: ExchangeRecord
    /// The client's request; nil once it has been released because no later attempt can need it.
    var request: IncomingRequest?
    /// The sender of the request, with its tenant and its limits.
    ///
    /// The value is nil until the sender is identified, and after the exchange has ended.
    var caller: Caller?
    /// Chooses the executors that the exchange tries; nil until the model is known.
    var selection: ExecutorSelection?
    /// The latest attempt, which may be under way, failed or complete; nil before the first attempt.
    var attempt: Attempt?
    /// The memory that the exchange uses; it counts toward the memory limit of the client's connection.
    var memory: ExchangeMemory
    var deadlines = Deadlines()

    init(environment: any ExchangeEnvironment, head: RequestHead, stream: ServerStream) {
        self.environment = environment
        self.stream = stream
        snapshot = environment.snapshot
        // `RequestTarget` normalizes the target. Endpoints are matched by the normalized target, which is also sent to
        // executors.
        let target = RequestTarget(head.target)
        endpoint = Endpoint(method: head.method, target: target, passthrough: snapshot.passthrough)
        fields = ResponseFields(
            requestID: environment.requestID(for: head),
            dialect: endpoint.dialect(of: head),
            crossOrigin: snapshot.crossOrigin?.grant(head.fields)
        )
        let client = stream.client
        record = ExchangeRecord(
            head,
            id: environment.nextExchangeID(),
            client: client,
            namesClientsInFields: stream.connection.namesClientsInFields,
            now: environment.loop.now
        )
        memory = ExchangeMemory(account: stream.connection.account, budget: environment.budget)
        request = IncomingRequest(head, target: target, client: client.address)
        environment.metrics.requestBegan(from: client.source)
    }

    /// The dialect that the client speaks.
    var dialect: Dialect { fields.dialect }
    var phase: ExchangeMachine.Phase { machine.phase }
    var now: Nanoseconds { environment.loop.now }

    /// Reports an `ExchangeMachine.Event` to the state machine, and carries out the actions that the machine returns.
    func handle(_ event: ExchangeMachine.Event) {
        for action in machine.handle(event) { perform(action) }
    }

    private func perform(_ action: ExchangeMachine.Action) {
        switch action {
        case .startAttempt: startAttempt()
        case .commit: commit()
        case .commitSilently: commitSilently()
        case .sendKeepAlive: sendKeepAlive()
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

    /// Releases the head and the body of the request, and the memory that is charged for the head and the body.
    func letGoOfRequest() {
        endBodyWait()
        request = nil
        memory.letGoOfBody()
        memory.addressHold?.releaseBody()
        stream.letGoOfHead()
    }

    // MARK: The end

    private func end(_ end: ExchangeMachine.End) {
        let usage = usage(end)
        settleCaller(usage)
        // Only a complete answer has reliable token counts: early in a stream, an engine may report the size of the
        // prompt but not yet how much of it was cached.
        if end == .complete, let usage, let attempt, attempt.failure == nil { attempt.learn(usage) }
        if end == .complete, dialect == .responses { attempt?.learnResponse(salt: record.tenant) }
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
        finished.clientCertificate = stream.connection.clientCertificate
        finished.isHealthCheck = endpoint == .health
        environment.exchangeEnded(self, finished)
    }

    /// The tokens that the exchange has used; nil if the request named no known model, or only asked to count tokens.
    private func usage(_ end: ExchangeMachine.End) -> Usage? {
        guard record.row != nil, !dialect.onlyCounts else { return nil }
        // No tokens count as used if the edge has not sent the whole request of the last attempt, or if that attempt
        // failed before its answer was ready to be relayed.
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
    /// The dialect in which the edge writes errors and lists of models for a request to this endpoint.
    fileprivate func dialect(of head: RequestHead) -> Dialect {
        if case .model(let dialect) = self { return dialect }
        return isOfModels && head.fields.string(named: "anthropic-version") != nil ? .messages : .other
    }
}
