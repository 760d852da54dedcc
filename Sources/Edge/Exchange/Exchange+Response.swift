// The response of an exchange: answers of the edge's own, heads, comments, endings, and flow control.
internal import HTTP
internal import Inference
internal import Transport

extension Exchange {
    // MARK: Answers of the edge's own

    /// A status and a JSON body that says what went wrong, in the client's dialect.
    func answer(_ failure: Failure) {
        letGoOfRequest()
        memory.letGoOfAttempt()
        selection?.letGoOfRetry()
        deadlines.clear()
        var extra = FieldBlock()
        if case .methodNotAllowed(let allow) = endpoint { extra.append(.allow, allow.joined(separator: ", ")) }
        if let seconds = failure.retryAfter { extra.append(.retryAfter, String(seconds)) }
        if let milliseconds = failure.retryAfterMs { extra.append(.retryAfterMs, String(milliseconds)) }
        // SDKs take a 501 for something that may pass.
        if failure.side == .client, failure.status >= 500 { extra.append(name: "x-should-retry", value: "false") }
        if failure.kind == .executorError, let attempt, attempt.failure == failure, let head = attempt.head {
            FieldPolicy.appendOfError(head.fields, to: &extra)
        }
        if failure.code == Failure.codingCode { extra.append(.acceptEncoding, ContentCoding.accepted) }
        appendChallenge(failure, to: &extra)
        appendRates(to: &extra)
        let bytes = failure.body(dialect, requestID: fields.requestID)
        sendDocument(status: failure.status, type: "application/json", fields: extra, SharedBytes(owned: bytes))
    }

    /// A whole response of the edge's own; no executor is asked.
    func answerHere(status: Int = 200, _ json: SharedBytes) {
        guard memory.admits(json.footprint) else {
            handle(.refused(.noMemory))
            return
        }
        handle(.answeredHere)
        sendDocument(status: status, type: "application/json", json)
    }

    /// Status, head and body in one write.
    private func sendDocument(
        status: Int,
        type: String,
        fields extra: FieldBlock = FieldBlock(),
        _ bytes: SharedBytes
    ) {
        let all = fields.document(type: type, length: bytes.count, date: environment.date, extra)
        let isHEAD = record.method == .head
        respond(status, all, end: isHEAD)
        if !isHEAD {
            stream.send(bytes)
            finishResponse()
        }
        watchClient()
    }

    /// A whole response of the edge's own without a body.
    func answerWithoutBody(status: Int, _ extra: FieldBlock) {
        handle(.answeredHere)
        respond(status, fields.withoutBody(status: status, date: environment.date, extra), end: true)
        watchClient()
    }

    private func respond(_ status: Int, _ fields: FieldBlock, end: Bool) {
        record.status = status
        record.committed = now
        stream.respond(ResponseHead(status: status, fields: fields), end: end)
    }

    // MARK: The commit

    /// The head of the executor's answer, before the first bytes of it.
    func commit() {
        guard let attempt, let head = attempt.head else { return }
        var length: Int?
        switch attempt.kind {
        case .document: length = attempt.heldBytes
        case .passing: length = head.fields.string(.contentLength).flatMap { Int($0) }
        case .events, .failure, .none: break
        }
        var all = fields.relayed(
            head,
            isEventStream: attempt.kind == .events,
            length: length,
            date: environment.date
        )
        appendRates(to: &all)
        respond(head.status, all, end: head.status == 204 || head.status == 304)
        openWindow()
    }

    /// 200 after `commit_after` of silence: intermediaries and SDKs would give up on a connection that says nothing.
    func commitSilently() {
        attempt?.relaysEventsOnly = true
        var all = fields.eventStream(date: environment.date)
        appendRates(to: &all)
        respond(200, all, end: false)
        openWindow()
    }

    func sendComment() {
        // Once there was an `id`, the reader of an SDK (openai-python 2.37) takes a blank line for an event without data.
        let comment: StaticString =
            dialect == .messages
            ? "event: ping\ndata: {\"type\": \"ping\"}\n\n"
            : attempt?.meter.hasOtherFields == true ? ": keep-alive\n" : ": keep-alive\n\n"
        stream.send(Array(String(describing: comment).utf8).span)
        deadlines.commit = .max
        deadlines.keepAlive = now + snapshot.limits.keepAlive
        arm()
    }

    // MARK: Endings

    /// The response is whole: its end goes out with what was sent last.
    func finishResponse() {
        deadlines.clear()
        stream.finish()
        attempt?.drain()
        watchClient()
    }

    /// In-band, because the client has its status: an error event, then an end that nobody takes for whole.
    func breakOff(_ failure: Failure) {
        // The client reads an event stream, unless a large document is being relayed.
        if attempt?.kind != .passing {
            let identity = StreamIdentity(
                id: fields.requestID,
                model: record.model ?? "",
                created: Clock.wallTime().seconds
            )
            let event = failure.event(dialect, stream: identity, requestID: fields.requestID)
            stream.send(event.span)
        }
        stream.abort()
    }

    // MARK: Flow control

    private func openWindow() {
        let share = memory.commit(most: snapshot.limits.bufferMax)
        stream.payOutput(share)
        attempt?.setReadLimit(share)
    }

    func outputMoved() {
        guard memory.window.resumes(at: stream.buffered) else { return }
        attempt?.setReading(true)
        if phase == .relay {
            deadlines.relayed(isPaused: false, at: now)
            arm()
        }
    }
}
