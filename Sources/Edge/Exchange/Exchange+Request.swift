// The way in of an exchange: admit, read the body, identify, route, start an attempt.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Exchange {
    // MARK: ServerStreamHandler

    func requestBegan() {
        guard let head else { return }
        if redirectsToHTTPS(head) || answersPreflight(head) { return }
        switch endpoint {
        case .model:
            if let failure = authenticate(head) { handle(.refused(failure)) } else { admit(head) }
        case .models, .modelLookup:
            if let failure = authenticateLookup(head) { handle(.refused(failure)) } else { answerCatalog() }
        case .health: answerHealth()
        case .root: answerHere(SharedBytes(common: Self.rootJSON))
        case .notFound: refuseAfterBody(head, Failure(.notFound))
        case .methodNotAllowed: refuseAfterBody(head, Failure(.methodNotAllowed))
        }
    }

    /// A small body is read to its end before the refusal, and dropped: so the connection goes on, and faults of the
    /// body's own framing are still found.
    private func refuseAfterBody(_ head: RequestHead, _ failure: Failure) {
        if head.body == .none || head.expectsContinue || head.body.isOver(Self.droppedMax) {
            handle(.refused(failure))
            return
        }
        refusal = failure
        dues.body = now + snapshot.limits.body
        arm()
    }

    /// What is read of a body only to be dropped.
    private static let droppedMax = 64 << 10

    private static let rootJSON = Array(
        #"{"name":"freeinference","api":"/v1","models":"/v1/models","health":"/health"}"#.utf8
    )

    private func answerHealth() {
        let text = worker.isDraining ? #"{"status":"draining"}"# : #"{"status":"ok"}"#
        answerHere(status: worker.isDraining ? 503 : 200, SharedBytes(owned: Array(text.utf8)))
    }

    private var modelShape: ModelShape { dialect.isAnthropic ? .anthropic : .openRouter }

    /// The models that the caller may use, or one of them.
    private func answerCatalog() {
        guard case .modelLookup(let id) = endpoint else {
            let catalog = snapshot.catalog
            if caller == nil {
                answerHere(SharedBytes(common: catalog.listJSON(as: modelShape)))
            } else {
                answerHere(SharedBytes(owned: catalog.listJSON(as: modelShape, where: mayUse)))
            }
            return
        }
        guard let model = snapshot.catalog.resolve(id), mayUse(model) else {
            handle(.refused(.modelNotFound(id)))
            return
        }
        answerHere(SharedBytes(owned: model.json(as: modelShape)))
    }

    /// The answer is the edge's own; no executor is asked.
    private func answerHere(status: Int = 200, _ json: SharedBytes) {
        guard memory.admits(json.footprint) else {
            handle(.refused(.noMemory))
            return
        }
        handle(.answeredHere)
        sendDocument(status: status, type: "application/json", json)
    }

    /// What can be refused before the body is read, is.
    private func admit(_ head: RequestHead) {
        if let type = head.fields.first(.contentType), isMultipart(type) {
            handle(.refused(Failure(.unsupportedMediaType)))
            return
        }
        guard memory.begin() else {
            handle(.refused(.noMemory))
            return
        }
        let limit = snapshot.limits.bodyBytesMax
        switch head.body {
        case .none:
            body = RequestBody()
            return
        case .known(let length):
            guard length <= limit else {
                handle(.refused(Failure(.bodyTooLarge, "The request body is larger than \(limit) bytes.")))
                return
            }
            guard memory.mayEverHold(body: length) else {
                handle(.refused(.noMemory))
                return
            }
            body = RequestBody(expecting: length)
        case .unknown: body = RequestBody()
        }
        guard memory.growBody(to: body?.footprint ?? 0) else {
            handle(.refused(.noMemory))
            return
        }
        if head.expectsContinue { stream.sendInformational(ResponseHead(status: 100)) }
        dues.body = bodyDue
        arm()
    }

    /// A body that stops for `timeouts.body` is late, and so is one that comes in drops: it holds memory meanwhile.
    private var bodyDue: Nanoseconds {
        let atLeast =
            record.began + Self.slowBodyGrace
            + Nanoseconds(record.bytesIn / Self.bodyBytesPerSecondMin) * 1_000_000_000
        return min(now + snapshot.limits.body, max(atLeast, now))
    }
    private static let slowBodyGrace: Nanoseconds = 30_000_000_000
    private static let bodyBytesPerSecondMin = 1000

    func requestBody(_ bytes: Span<UInt8>) {
        record.bytesIn += bytes.count
        guard machine.phase == .body, let body else {
            stream.consumed(bytes.count)
            if let refusal, record.bytesIn > Self.droppedMax { handle(.refused(refusal)) }
            return
        }
        let limit = snapshot.limits.bodyBytesMax
        guard record.bytesIn <= limit else {
            handle(.refused(Failure(.bodyTooLarge, "The request body is larger than \(limit) bytes.")))
            return
        }
        guard memory.growBody(to: body.footprint(appending: bytes.count)) else {
            handle(.refused(.noMemory))
            return
        }
        body.append(bytes)
        dues.body = bodyDue
        stream.consumed(bytes.count)
    }

    func requestEnded() {
        if let refusal { handle(.refused(refusal)) }
        guard machine.phase == .body, body != nil else { return }
        record.bodyEnded = now
        dues.body = .max
        handle(.bodyEnded)
    }

    func clientLeft(_ end: ClientEnd) {
        if attempt != nil, machine.phase != .finishing { worker.metrics.abortHandedOver() }
        handle(.clientLeft)
    }

    func requestBroke(status: Int, message: String) -> Bool {
        guard machine.phase == .body else { return false }
        handle(.refused(Failure(refusal: status, message)))
        return true
    }

    func responseFinished() {
        handle(.responseTaken)
    }

    // MARK: Identify and route

    func identify() {
        guard let body else { return }
        if body.count > ScanThread.threshold {
            worker.scanElsewhere(body, charge: memory.shareBody(), for: self)
            return
        }
        guard let result = worker.scanHere(body, dialect: dialect) else {
            handle(.refused(.noMemory))
            return
        }
        identified(result)
    }

    func identified(_ result: Result<RequestScan, RequestScanError>) {
        guard machine.phase == .body else { return }
        switch result {
        case .failure(let error): handle(.refused(Failure(scan: error)))
        case .success(let found): route(found)
        }
    }

    private func route(_ found: RequestScan) {
        // One answer to unknown and to not theirs.
        guard let place = snapshot.catalog.index(of: found.model), mayUse(snapshot.catalog.models[place]) else {
            handle(.refused(.modelNotFound(found.model)))
            return
        }
        record.model = snapshot.catalog.models[place].id
        record.modelPlace = place
        scan = found
        record.isStream = found.stream
        if let failure = reserveTokens(found) {
            handle(.refused(failure))
            return
        }
        routing = ExchangeRouting(
            pools: [snapshot.pools[place]] + fallbacks(of: place).map { snapshot.pools[$0] },
            promptBytes: body?.count ?? 0,
            budget: worker.share.retries
        )
        admitToPool()
    }

    /// The models to fall back on that the caller may use.
    private func fallbacks(of place: Int) -> [Int] {
        snapshot.fallbacks[place].filter { mayUse(snapshot.catalog.models[$0]) }
    }

    func startAttempt() {
        guard let target, let scan, let body, let head else { return }
        beginAnswer(choices: scan.n)
        let splice = BodySplice(
            scan,
            length: body.count,
            dialect: dialect,
            executorModel: target.executor.model,
            asksForUsage: target.asksForUsage
        )
        removesUsageEvent = splice.removesUsageEvent
        let request = ExecutorRequest(
            method: head.method,
            target: target.pathPrefix.isEmpty ? head.target : target.pathPrefix + head.target,
            host: target.host,
            fields: FieldPolicy.toExecutor(head.fields, requestID: record.requestID, credential: target.credential),
            body: SplicedBody(body: body, splice: splice)
        )
        record.attemptBegins(at: target.executor.name, now)
        if record.attempts == 1 {
            worker.metrics.requestHandedOver(since: record.bodyEnded + record.queueWait(at: now))
        }
        attempt = worker.client(of: target).send(request, handler: self)
        let limits = snapshot.limits
        dues.answer =
            now
            + (scan.stream
                ? limits.firstEvent + Nanoseconds(body.count / 40_000) * 1_000_000_000 : limits.response)
        if scan.stream, dialect.hasComments, machine.phase == .attempt, !FieldPolicy.wantsSilence(head.fields) {
            dues.commit = record.bodyEnded + limits.commitAfter
        }
        arm()
    }
}

/// A body and the splice of one attempt, as the HTTP layer reads it.
final class SplicedBody: RequestBodySource {
    private let body: RequestBody
    private let splice: BodySplice

    init(body: RequestBody, splice: BodySplice) {
        self.body = body
        self.splice = splice
    }

    var length: Int { splice.count }

    func append(from offset: Int, upTo limit: Int, to scratch: Scratch) {
        unsafe scratch.append(upTo: limit) { unsafe splice.copy(from: body, offset: offset, into: $0) }
    }
}

extension Dialect {
    /// Streams of this dialect may carry comments before their first event.
    var hasComments: Bool {
        switch self {
        case .openAIChat, .completions, .responses, .messages: true
        case .embeddings, .countTokens, .rerank, .other: false
        }
    }
}

extension BodyLength {
    func isOver(_ limit: Int) -> Bool {
        if case .known(let length) = self { return length > limit }
        return false
    }
}

extension Failure {
    static let noMemory = Failure(.memory, retryAfter: 1)
}
