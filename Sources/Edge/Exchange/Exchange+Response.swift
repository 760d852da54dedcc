// The response of an exchange: answers that the edge makes itself, heads, keep-alive bytes, endings, and flow control.
internal import HTTP
internal import Inference
internal import Transport

extension Exchange {
    // MARK: Answers of the edge's own

    /// Answers with the status of the failure and a JSON error body in the client's dialect.
    func answer(_ failure: Failure) {
        letGoOfRequest()
        memory.letGoOfAttempt()
        selection?.releaseRetry()
        deadlines.clear()
        var extra = FieldBlock()
        if case .methodNotAllowed(let allow) = endpoint { extra.append(.allow, allow.joined(separator: ", ")) }
        if let seconds = failure.retryAfter { extra.append(.retryAfter, String(seconds)) }
        if let milliseconds = failure.retryAfterMs { extra.append(.retryAfterMs, String(milliseconds)) }
        // SDKs retry each status of 500 and above, unless `x-should-retry` says that a retry would not help.
        if failure.side == .client, failure.status >= 500 { extra.append(name: "x-should-retry", value: "false") }
        if failure.kind == .executorError, let attempt, attempt.failure == failure, let head = attempt.answer.head {
            FieldPolicy.appendOfError(head.fields, to: &extra)
        }
        if failure.code == Failure.codingCode { extra.append(.acceptEncoding, ContentCoding.accepted) }
        appendChallenge(failure, to: &extra)
        appendRates(to: &extra)
        let bytes = failure.body(dialect, requestID: fields.requestID)
        sendDocument(status: failure.status, type: "application/json", fields: extra, SharedBytes(owned: bytes))
    }

    /// Answers with a body that the edge has made; no executor is asked.
    func answerHere(status: Int = 200, type: String = "application/json", _ bytes: SharedBytes) {
        guard memory.admits(bytes.footprint) else {
            handle(.refused(.noMemory))
            return
        }
        handle(.answeredHere)
        sendDocument(status: status, type: type, bytes)
    }

    /// Sends a head and a body together in one write.
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

    /// Answers with a head that the edge has made, and no body.
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

    /// The state machine's action `commit`: sends the head of the executor's answer, before the first bytes of the
    /// body.
    func commit() {
        guard let attempt, let head = attempt.answer.head else { return }
        var length: Int?
        switch attempt.answer.kind {
        case .document: length = attempt.heldBytes
        case .passing: length = head.fields.string(.contentLength).flatMap { Int($0) }
        case .events, .failure, .none: break
        }
        var all = fields.relayed(
            head,
            isEventStream: attempt.answer.kind == .events,
            length: length,
            date: environment.date
        )
        appendRates(to: &all)
        respond(head.status, all, end: head.status == 204 || head.status == 304)
        openWindow()
    }

    /// The state machine's action `commitSilently`: sends 200 and the head of a stream or of a JSON document, because
    /// no answer has come for `commit_after`.
    ///
    /// Proxies and SDKs close a connection on which nothing arrives for some time.
    func commitSilently() {
        attempt?.sentHead = record.earlyHead
        var all = fields.early(record.earlyHead, date: environment.date)
        appendRates(to: &all)
        respond(200, all, end: false)
        openWindow()
    }

    /// The state machine's action `sendKeepAlive`: sends bytes that clients ignore, to keep the connection open.
    ///
    /// The bytes are a space if a JSON document is to follow. In an event stream they are a comment, or a `ping` event
    /// in the dialect of Anthropic messages. Proxies and SDKs close a connection on which nothing arrives for some
    /// time.
    func sendKeepAlive() {
        // If an event of the stream had an `id` or `retry` field, openai-python 2.37 takes each later blank line for an
        // event without data. The comment is then sent without a blank line after it.
        let bytes: StaticString =
            record.earlyHead == .json
            ? " "
            : dialect == .messages
                ? "event: ping\ndata: {\"type\": \"ping\"}\n\n"
                : attempt?.meter.hasOtherFields == true ? ": keep-alive\n" : ": keep-alive\n\n"
        stream.send(Array(String(describing: bytes).utf8).span)
        deadlines.commit = .max
        deadlines.keepAlive = now + snapshot.limits.keepAlive
        arm()
    }

    // MARK: Endings

    /// Ends the response cleanly; the end of the framing goes out in the same write as the last bytes.
    func finishResponse() {
        deadlines.clear()
        stream.finish()
        attempt?.drain()
        watchClient()
    }

    /// Ends a response whose head has been sent: reports the failure inside the response if possible, then aborts the
    /// stream so that its framing is incomplete.
    func breakOff(_ failure: Failure) {
        // No error can be added to a document of which a part has been relayed.
        if attempt?.answer.kind != .passing { stream.send(told(failure).span) }
        stream.abort()
    }

    /// The bytes that report a failure after the head: an error event in a stream, or a JSON error after keep-alive
    /// spaces.
    private func told(_ failure: Failure) -> [UInt8] {
        if (attempt?.sentHead ?? record.earlyHead) == .json {
            return failure.body(dialect, requestID: fields.requestID)
        }
        let identity = StreamIdentity(
            id: fields.requestID,
            model: record.model ?? "",
            created: Clock.wallTime().seconds
        )
        return failure.event(dialect, stream: identity, requestID: fields.requestID)
    }

    // MARK: Flow control

    /// Reserves memory for the output buffer of the response.
    ///
    /// The size of the buffer is also the read limit of the attempt: over HTTP/1.1 the maximum size of one read from
    /// the executor, over HTTP/2 the flow-control window of the attempt's stream.
    private func openWindow() {
        let share = memory.commit(most: snapshot.limits.bufferMax)
        stream.payOutput(share)
        attempt?.setReadLimit(share)
    }

    /// Called after bytes have gone out to the client: resumes reading from the executor if few enough bytes wait for
    /// the client.
    func outputMoved() {
        guard memory.window.resumes(at: stream.buffered) else { return }
        attempt?.setReading(true)
        if phase == .relay {
            deadlines.relayed(isPaused: false, at: now)
            arm()
        }
    }
}
