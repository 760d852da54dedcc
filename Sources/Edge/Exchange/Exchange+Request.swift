// The way in of an exchange: what its endpoint wants, admission, the body, and for which model it is.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Exchange: ServerStreamHandler {
    // MARK: ServerStreamHandler

    func requestBegan() {
        guard let head = request?.head else { return }
        if redirectsToHTTPS(head) || answersPreflight(head) { return }
        switch endpoint {
        case .model, .passthrough:
            if let failure = authenticate(head) { handle(.refused(failure)) } else { admit(head) }
        case .models, .modelLookup:
            if let failure = authenticateLookup(head) { handle(.refused(failure)) } else { answerCatalog() }
        case .health: answerHealth()
        case .root: answerHere(SharedBytes(common: Self.rootJSON))
        case .notFound: refuse(head, nothingHere(head))
        case .malformed(let fault): refuse(head, Failure(fault))
        case .methodNotAllowed: refuse(head, Failure(.methodNotAllowed))
        }
    }

    /// There is nothing at this path, or not by this method; a method that nobody has heard of is 501 (RFC 9110 section
    /// 15.6.2), and `OPTIONS *` asks about the server as a whole.
    private func refuse(_ head: RequestHead, _ failure: Failure) {
        switch head.method {
        case .options where head.target.elementsEqual("*".utf8):
            var extra = FieldBlock()
            extra.append(.allow, "GET, HEAD, POST, OPTIONS")
            answerWithoutBody(status: 200, extra)
        case .other: refuseAfterBody(head, Failure(.methodNotImplemented))
        default: refuseAfterBody(head, failure)
        }
    }

    private func nothingHere(_ head: RequestHead) -> Failure {
        // Whatever the path: no body of this kind is served.
        if head.method == .post, isMultipart(head) { return Failure(.unsupportedMediaType) }
        return Failure(.notFound, PathHint.message(head.method, RequestTarget(head.target).path))
    }

    private func isMultipart(_ head: RequestHead) -> Bool {
        head.fields.first(.contentType).map(Inference.isMultipart) ?? false
    }

    /// A small body is read to its end before the refusal, and dropped: so the connection goes on, and faults of the
    /// body's own framing are still found.
    private func refuseAfterBody(_ head: RequestHead, _ failure: Failure) {
        if head.body == .none || head.expectsContinue || head.body.isOver(Self.droppedMax) {
            handle(.refused(failure))
            return
        }
        request?.refusal = failure
        deadlines.body = now + snapshot.limits.body
        arm()
    }

    /// What is read of a body only to be dropped.
    private static let droppedMax = 64 << 10

    private static let rootJSON = Array(
        #"{"name":"freeinference","api":"/v1","models":"/v1/models","health":"/health"}"#.utf8
    )

    private func answerHealth() {
        // Shared: a health check costs its connection nothing, however much that holds.
        let isDraining = environment.isDraining
        let json = isDraining ? Self.drainingJSON : Self.healthyJSON
        answerHere(status: isDraining ? 503 : 200, SharedBytes(common: json))
    }
    private static let healthyJSON = Array(#"{"status":"ok"}"#.utf8)
    private static let drainingJSON = Array(#"{"status":"draining"}"#.utf8)

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
            record.modelAsked = LogText.bounded(id)
            handle(.refused(.modelNotFound(id)))
            return
        }
        answerHere(SharedBytes(owned: model.json(as: modelShape)))
    }

    /// What can be refused before the body is read, is.
    private func admit(_ head: RequestHead) {
        if isMultipart(head) {
            handle(.refused(Failure(.unsupportedMediaType)))
            return
        }
        switch ContentCoding.announced(by: head.fields) {
        case .none: break
        case .one(let coding): request?.coding = coding
        case .unsupported:
            handle(.refused(.unsupportedCoding))
            return
        }
        guard memory.begin() else {
            handle(.refused(.noMemory))
            return
        }
        let limit = snapshot.limits.bodyBytesMax
        switch head.body {
        case .none:
            request?.body = RequestBody()
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
            request?.body = RequestBody(expecting: length)
        case .unknown: request?.body = RequestBody()
        }
        guard memory.growBody(to: request?.body?.footprint ?? 0) else {
            handle(.refused(.noMemory))
            return
        }
        if head.expectsContinue { stream.sendInformational(ResponseHead(status: 100)) }
        deadlines.body = bodyDue
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
        guard phase == .body, let body = request?.body else {
            stream.consumed(bytes.count)
            if let refusal = request?.refusal, record.bytesIn > Self.droppedMax {
                handle(.refused(refusal))
            }
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
        deadlines.body = bodyDue
        stream.consumed(bytes.count)
    }

    func requestEnded() {
        if let refusal = request?.refusal { handle(.refused(refusal)) }
        guard phase == .body, request?.body != nil else { return }
        record.bodyEnded = now
        deadlines.body = .max
        handle(.bodyEnded)
    }

    func clientLeft(_ end: ClientEnd) {
        if let attempt, attempt.phase == .waiting || attempt.phase == .relaying {
            environment.metrics.abortHandedOver()
        }
        if case .violation(let reason) = end {
            handle(.clientCut(.clientViolation(reason.description)))
        } else {
            handle(.clientLeft)
        }
    }

    func requestBroke(status: Int, message: String) -> Bool {
        guard phase == .body else { return false }
        handle(.refused(Failure(refusal: status, message)))
        return true
    }

    func responseFinished() {
        handle(.responseTaken)
    }

    // MARK: Identify and route

    func identify() {
        guard let body = request?.body else { return }
        if let coding = request?.coding, !decode(body, from: coding) { return }
        guard let body = request?.body else { return }
        if body.count > ScanThread.threshold {
            environment.scanElsewhere(body, coding: nil, charge: memory.shareBody(), for: self)
            return
        }
        guard let result = environment.scanHere(body, dialect: dialect) else {
            handle(.refused(.noMemory))
            return
        }
        identified(result)
    }

    func identified(_ result: Result<RequestScan, RequestScanError>) {
        guard phase == .body else { return }
        switch result {
        case .failure(let error):
            handle(.refused(Failure(scan: error)))
        case .success(let found): route(found)
        }
    }

    private func route(_ found: RequestScan) {
        // One answer to unknown and to not theirs.
        guard let place = snapshot.catalog.index(of: found.model), mayUse(snapshot.catalog.models[place]) else {
            record.modelAsked = LogText.bounded(found.model)
            handle(.refused(.modelNotFound(found.model)))
            return
        }
        guard hasPath(place) else {
            handle(.refused(Failure(.notFound, "The executors of this model are not asked at this path.")))
            return
        }
        record.model = snapshot.catalog.models[place].id
        record.row = environment.metrics.row(of: snapshot.models[place].entry)
        request?.scan = found
        record.wantsStream = found.stream
        let bodyBytes = request?.body?.count ?? 0
        record.promptBytes = snapshot.models[place].mediaTokens.promptBytes(of: found.media, bodyBytes: bodyBytes)
        record.bounds = UsageBounds(
            found,
            dialect: dialect,
            promptTokens: record.promptBytes / Usage.bytesPerToken,
            bodyBytes: bodyBytes
        )
        if let failure = reserveTokens(found) {
            handle(.refused(failure))
            return
        }
        selection = ExecutorSelection(
            pools: [snapshot.models[place].pool] + fallbacks(of: place).map { snapshot.models[$0].pool },
            request: RoutingRequest(tenant: record.tenant, promptBytes: record.promptBytes),
            limits: snapshot.admission,
            budget: environment.retries
        )
        proceed(after: .arrival)
    }

    /// The models to fall back on that the caller may use.
    private func fallbacks(of place: Int) -> [Int] {
        snapshot.models[place].fallbacks.filter { mayUse(snapshot.catalog.models[$0]) && hasPath($0) }
    }

    /// Whether executors of the model are asked at the path of the request.
    private func hasPath(_ place: Int) -> Bool {
        guard endpoint == .passthrough else { return true }
        return request.map { snapshot.passthrough.has($0.target.path, of: place) } == true
    }
}

extension Failure {
    static let noMemory = Failure(.memory, retryAfter: 1)

    fileprivate init(_ fault: RequestTarget.Fault) {
        let text =
            switch fault {
            case .dotSegment: "The path of the request must not have segments that are '.' or '..'."
            case .fragment: "The target of the request must not have a fragment."
            }
        self.init(.malformedRequest, text)
    }
}
