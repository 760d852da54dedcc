// The steps of a request from its head to the list of pools that can serve it. Each step calls the next one, in the
// order of this file. `Exchange+Attempts` then chooses an executor and makes the first attempt.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Exchange: ServerStreamHandler {
    // MARK: 1. The head

    /// Called once, after the whole head of the request has been read and before any part of the body is read.
    func requestBegan() {
        guard let head = request?.head else { return }
        let connection = stream.connection
        if connection.hasRequestRules, refusesAddress(head) { return }
        if snapshot.limitsRequests, let failure = holdAddress() {
            handle(.refused(failure))
            return
        }
        if connection.hasRequestRules, isSettledByRules(head) { return }
        if answersPreflight(head) { return }
        switch endpoint {
        case .model, .passthrough:
            if let maintenance = environment.maintenance {
                refuse(head, maintenance.failure)
            } else if hasLooped(head) {
                refuse(head, Failure(.loopDetected))
            } else if let failure = authenticate(head) {
                handle(.refused(failure))
            } else {
                admit(head)
            }
        case .models, .modelLookup:
            if let failure = authenticateLookup(head) { handle(.refused(failure)) } else { answerCatalog() }
        case .health: answerHealth()
        case .root: answerHere(SharedBytes(common: Self.rootJSON))
        case .notFound: refuse(head, nothingHere(head))
        case .malformed(let fault): refuse(head, Failure(fault))
        case .methodNotAllowed: refuse(head, Failure(.methodNotAllowed))
        }
    }

    /// Applies the listener's rules about the host, ACME challenges and the redirect to HTTPS.
    ///
    /// - Returns: Whether a rule has refused, answered or redirected the request.
    private func isSettledByRules(_ head: RequestHead) -> Bool {
        refusesHost(head) || answersChallenge(head) || redirectsToHTTPS(head)
    }

    /// Whether the request has passed through this server more often than `max_loops` allows.
    private func hasLooped(_ head: RequestHead) -> Bool {
        CDNLoop.isLoop(head.fields, instance: environment.instanceID, loopsMax: snapshot.limits.loopsMax)
    }

    // MARK: 2. The key

    /// Identifies the caller by the API key in the header, and counts the request against the caller's limits.
    ///
    /// - Returns: The refusal; nil if the request may go on.
    private func authenticate(_ head: RequestHead) -> Failure? {
        let access = environment.access
        switch access.identify(head.fields, hasher: environment.keyHasher, at: Clock.wallTime().seconds) {
        case .refused(let refusal): return unauthorized(refusal)
        case .anonymous: caller = Caller(anonymousOf: access)
        case .key(let entry):
            caller = Caller(entry)
            record.key = entry.key.id
            record.tenant = entry.key.tenant
            if entry.key.role == .observer { return Failure(.forbidden) }
        }
        if let caller { record.tenant = caller.tenant }
        if let failure = resetRefusal() { return failure }
        if let failure = choosePriority(head.fields) { return failure }
        return caller?.begin(at: now)
    }

    // MARK: 3. Admission by the head

    /// Refuses a request whose head shows that the edge cannot serve it; otherwise charges the memory for the exchange.
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
        if let failure = reserve(head.body) {
            handle(.refused(failure))
            return
        }
        if case .none = head.body { return }
        if head.expectsContinue { stream.sendInformational(ResponseHead(status: 100)) }
        deadlines.body = bodyDue(held: 0)
        arm()
    }

    /// Makes an empty buffer for the body; refuses an announced length that is too large.
    ///
    /// - Returns: The refusal; nil if the request may go on.
    @inline(__always)
    private func reserve(_ length: BodyLength) -> Failure? {
        let limit = snapshot.limits.bodyBytesMax
        switch length {
        case .none:
            request?.body = RequestBody()
            return nil
        case .known(let bytes):
            guard bytes <= limit else {
                return Failure(.bodyTooLarge, "The request body is larger than \(limit) bytes.")
            }
            guard memory.mayEverHold(body: bytes) else { return .noMemory }
            request?.body = RequestBody(expecting: bytes)
        case .unknown: request?.body = RequestBody()
        }
        // The first buffer has at most `ExchangeMemory.smallBodyMax` bytes, for which `memory.begin` has already
        // charged memory.
        return memory.growBody(to: request?.body?.footprint ?? 0) ? nil : .noMemory
    }

    // MARK: 4. The body

    /// Called for each piece of the body; `bytes` is valid only during the call.
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
        if let failure = growAddressBody(to: record.bytesIn) {
            handle(.refused(failure))
            return
        }
        guard request?.wait == nil, memory.growBody(to: body.footprint(appending: bytes.count)) else {
            takeScarce(bytes, into: body)
            return
        }
        body.append(bytes)
        deadlines.body = bodyDue(held: 0)
        stream.consumed(bytes.count)
    }

    /// The time by which the next piece of the body must have arrived.
    ///
    /// The body is late if nothing of it arrives within `timeouts.body`. After `slowBodyGrace`, the body is also late
    /// if its average rate is below `limits.body_pace`, because a slow body occupies memory for a long time.
    ///
    /// - Parameter held: how long the body has waited for memory, in nanoseconds; the client could not send during that
    ///   time.
    func bodyDue(held: Nanoseconds) -> Nanoseconds {
        let limits = snapshot.limits
        guard limits.bodyPace > 0 else { return now + limits.body }
        let seconds = Nanoseconds(record.bytesIn / limits.bodyPace)
        let atLeast = record.began + held + Self.slowBodyGrace + seconds * 1_000_000_000
        return min(now + limits.body, max(atLeast, now))
    }
    private static let slowBodyGrace: Nanoseconds = 30_000_000_000

    /// Called once, when the whole request has been read; a request without a body ends with its head.
    func requestEnded() {
        if let refusal = request?.refusal { handle(.refused(refusal)) }
        guard phase == .body, let body = request?.body else { return }
        if let wait = request?.wait, endWaits(wait) { return }
        record.bodyEnded = now
        deadlines.body = .max
        if let coding = request?.coding { decode(body, from: coding) } else { scan(body) }
    }

    // MARK: 5. Decoding

    /// The largest compressed body that the worker decodes itself, in bytes; the scan thread decodes larger ones.
    private static let decodedHereMax = 64 << 10

    /// Decodes a compressed body, and then has the decoded body scanned.
    ///
    /// This thread decodes a small body. A large body is decoded on the scan thread, so that it does not delay the
    /// other requests of this worker.
    private func decode(_ body: RequestBody, from coding: ContentCoding) {
        let most = snapshot.limits.bodyBytesMax
        let size = body.footprint
        guard body.count <= Self.decodedHereMax else {
            environment.scanElsewhere(body, coding: coding, charge: memory.shareBody(), for: self)
            return
        }
        let decoded: RequestBody
        do throws(BodyDecodingError) {
            decoded = try body.decoded(from: coding, bytesMax: min(most, ScanThread.threshold)) {
                memory.growWholeBody(to: size + $0)
            }
        } catch {
            memory.shrinkBody(to: size)
            if error == .tooLarge, most > ScanThread.threshold {
                // The compressed body is small, but the decoded body is too large to be decoded by a worker.
                environment.scanElsewhere(body, coding: coding, charge: memory.shareBody(), for: self)
            } else {
                handle(.refused(Failure(decoding: error, from: coding, most: most)))
            }
            return
        }
        request?.body = decoded
        request?.coding = nil
        memory.shrinkBody(to: decoded.footprint)
        if let failure = growAddressBody(to: decoded.count) {
            handle(.refused(failure))
            return
        }
        scan(decoded)
    }

    // MARK: 6. The scan

    /// Scans a body that is not compressed: on this thread up to `ScanThread.threshold` bytes, otherwise on the scan
    /// thread.
    private func scan(_ body: RequestBody) {
        if body.count > ScanThread.threshold {
            environment.scanElsewhere(body, coding: nil, charge: memory.shareBody(), for: self)
            return
        }
        guard let result = environment.scanHere(body, for: self) else {
            handle(.refused(.noMemory))
            return
        }
        bodyScanned(result)
    }

    /// Scans a body with a scanner of this thread.
    func scan(_ body: RequestBody, with scanner: JSONScanner) throws(RequestScanError) -> RequestScan {
        try scanner.scanRequest(body, dialect: dialect, naming: snapshot.sessionFields.members)
    }

    /// Takes the result of the scan thread, which arrives through the worker's mailbox.
    ///
    /// The exchange may have failed or ended by then; if so, the result is ignored.
    func scanThreadReplied(_ outcome: ScanOutcome) {
        guard phase == .body else { return }
        switch outcome {
        case .noMemory: handle(.refused(.noMemory))
        case .scanned(let result): bodyScanned(result)
        case .undecodable(let error):
            guard let coding = request?.coding else { return }
            handle(.refused(Failure(decoding: error, from: coding, most: snapshot.limits.bodyBytesMax)))
        case .decoded(let body, let hold, let result):
            // The exchange is charged for the compressed body, which it no longer needs. The scan thread has reserved
            // memory for the decoded body in `hold`. Both amounts are released before the exchange is charged for the
            // decoded body, which would otherwise be counted twice.
            memory.letGoOfBody()
            hold.release()
            let decoded = body.value
            request?.body = decoded
            request?.coding = nil
            guard memory.growWholeBody(to: decoded.footprint) else {
                handle(.refused(.noMemory))
                return
            }
            if let failure = growAddressBody(to: decoded.count) {
                handle(.refused(failure))
                return
            }
            bodyScanned(result)
        }
    }

    /// Handles the result of a scan, which either this thread or the scan thread has made.
    func bodyScanned(_ result: Result<RequestScan, RequestScanError>) {
        guard phase == .body else { return }
        switch result {
        case .failure(let error): handle(.refused(Failure(scan: error)))
        case .success(let found): identifyModel(found)
        }
    }

    // MARK: 7. The model and the tokens of the key

    /// Finds the model that the body names, and reserves tokens for the request.
    private func identifyModel(_ found: RequestScan) {
        // A model that the caller may not use gets the same answer as an unknown model. The caller therefore does not
        // learn that the model exists.
        guard let index = snapshot.catalog.index(of: found.model), mayUse(snapshot.catalog.models[index]) else {
            record.modelAsked = LogText.bounded(found.model)
            handle(.refused(.modelNotFound(found.model)))
            return
        }
        guard hasPath(index) else {
            handle(.refused(Failure(.notFound, "The executors of this model are not asked at this path.")))
            return
        }
        record.model = snapshot.catalog.models[index].id
        record.row = environment.metrics.row(of: snapshot.models[index].entry)
        request?.scan = found
        record.wantsStream = found.stream
        if let request { record.earlyHead = earlyHead(of: request) }
        let bodyBytes = request?.body?.count ?? 0
        record.promptBytes = snapshot.models[index].mediaTokens.promptBytes(of: found.media, bodyBytes: bodyBytes)
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
        route(to: index)
    }

    /// The form of the response head that the edge sends to the client if no executor has answered within
    /// `commit_after`.
    private func earlyHead(of request: IncomingRequest) -> EarlyHead {
        EarlyHead(
            request.head,
            path: request.target.path,
            dialect: dialect,
            wantsStream: record.wantsStream,
            keepsJSONAlive: snapshot.limits.keepsJSONAlive
        )
    }

    /// Whether the model at this index of the catalog is served at the request's path.
    private func hasPath(_ index: Int) -> Bool {
        guard endpoint == .passthrough else { return true }
        return request.map { snapshot.passthrough.has($0.target.path, of: index) } == true
    }

    /// Reserves the largest number of tokens that the request may use, within the token rate of the caller's key.
    ///
    /// A request that only asks for a count of tokens needs no reservation.
    ///
    /// - Returns: The refusal; nil if the request may go on.
    private func reserveTokens(_ found: RequestScan) -> Failure? {
        guard !dialect.onlyCounts else { return nil }
        return caller?.reserve(
            promptBytes: record.promptBytes,
            answerTokensMax: found.answerTokensMax ?? 0,
            at: now
        )
    }

    // MARK: 8. The pools

    /// Lists the pools that may serve the request (the model's pool, then the pools of its fallback models), and asks
    /// them for an executor.
    private func route(to index: Int) {
        let fallbacks = fallbacks(of: index)
        var routed = RoutingRequest(tenant: record.tenant, promptBytes: record.promptBytes)
        routed.priority = record.priority
        if let request { routed.path = PathSet(path: request.target.path) }
        record.reasoning = snapshot.models[index].reasoning
        let timeouts = snapshot.models[index].timeouts
        routed.loadWait = min(timeouts.loadWait, record.wantsStream ? timeouts.firstEvent : timeouts.response)
        let choosesByPrompt =
            snapshot.choosesByPrompt(index) || fallbacks.contains(where: { snapshot.choosesByPrompt($0) })
        if choosesByPrompt, dialect.generates {
            look(at: request, for: [index] + fallbacks, into: &routed)
        }
        if let request, let body = request.body, let id = request.scan?.previousResponse {
            // `id` includes the quotation marks of the JSON string. They are left out, because ids of responses are
            // hashed without them.
            routed.response = environment.promptHasher.hash(body, id.dropFirst().dropLast(), salt: record.tenant)
        }
        selection = ExecutorSelection(
            pools: [snapshot.models[index].pool] + fallbacks.map { snapshot.models[$0].pool },
            request: routed,
            limits: snapshot.admission,
            budget: environment.retries
        )
        proceed(after: .arrival)
    }

    /// Collects what is needed to choose an executor by the prompt: the session, hashes of the prompt's beginnings, and
    /// the size of the prompt.
    ///
    /// The size counts only the prompt, not the whole body. An image or other media counts as many bytes as a text with
    /// the same number of tokens. The same hashes serve all models, because the pool of each model keeps its own map of
    /// hashes.
    ///
    /// - Parameter models: the catalog indices of the model and of its fallbacks.
    private func look(at request: IncomingRequest?, for models: [Int], into routed: inout RoutingRequest) {
        guard let request, let body = request.body, let scan = request.scan else { return }
        let hasher = environment.promptHasher
        routed.session = snapshot.sessionFields
            .session(of: request.head.fields, body, scan, tenant: record.tenant, hasher: hasher)
        routed.prefix = hasher.prefix(
            of: body,
            scan,
            salt: models.contains { snapshot.models[$0].prefixesAreTenants } ? record.tenant : "",
            leavingOutBilling: models.contains { snapshot.models[$0].targets.contains(where: \.stripsBilling) }
        )
        guard !routed.prefix.hashes.isEmpty else { return }
        routed.promptBytes = snapshot.models[models[0]].mediaTokens
            .promptBytes(of: scan.media, bodyBytes: scan.prompt.count)
        routed.hasMedia = scan.media != RequestMedia()
    }

    /// The catalog indices of those fallback models that the caller may use and that serve the request's path.
    private func fallbacks(of index: Int) -> [Int] {
        snapshot.models[index].fallbacks.filter { mayUse(snapshot.catalog.models[$0]) && hasPath($0) }
    }
}
