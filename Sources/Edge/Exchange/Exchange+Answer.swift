// The way out of an exchange: the executor's answer, looked at and relayed.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Exchange {
    /// Nothing is left of an answer that an earlier attempt had begun.
    func beginAnswer(choices: Int) {
        answerHead = nil
        kind = .none
        endsWithClose = false
        splitter = EventSplitter()
        meter = Meter(dialect: dialect, choices: choices)
        held = []
        expectedLength = nil
        memory.letGoOfAnswer()
        answerScan = nil
    }

    // MARK: ExecutorStreamHandler

    func requestSent() { record.requestSent(now) }

    func responseHead(_ head: ResponseHead, body: ResponseBody) {
        guard machine.phase == .attempt || machine.phase == .silence else { return }
        record.answered(head.status, at: now)
        if let failure = Failure(executorHead: head) {
            attemptBroke(failure)
            return
        }
        answerHead = head
        let isEvents = (200..<300).contains(head.status) && FieldPolicy.isEventStream(head.fields)
        if isEvents, FieldPolicy.isEncoded(head.fields) {
            attemptBroke(Failure(.executorProtocol, "The executor compressed an event stream."))
            return
        }
        if machine.phase == .silence, !isEvents {
            // The client has been told 200: an answer that is no stream can only be told as a failure.
            attemptBroke(Failure(executorStatus: head.status))
            return
        }
        kind = isEvents ? .events : .document
        // A status is on its way: nothing is to be committed before it.
        if !isEvents { dues.commit = .max }
        endsWithClose = body == .untilClose
        expectedLength = if case .known(let length) = body { length } else { nil }
    }

    func responseBody(_ bytes: Span<UInt8>) {
        switch kind {
        case .events:
            splitter.feed(bytes) { event, kind in relay(event, kind) }
            if machine.phase != .ended { memory.keepPiece(of: splitter.pending) }
        case .document: hold(bytes)
        case .passing:
            guard machine.phase == .relay else { return }
            stream.send(bytes)
            dues.stall = now + snapshot.limits.stall
        case .none: return
        }
        pauseIfFull()
    }

    func responseEnded() {
        attemptEnded()
        switch kind {
        case .events:
            let isBetween = splitter.finish { event, kind in relay(event, kind) }
            guard !machine.mayRetry else {
                attemptBroke(Failure(.executorBrokeOff))
                return
            }
            handle(
                .executorEnded(
                    isComplete: isBetween && meter.isCompleteAtCleanEnd,
                    sawError: isBetween && meter.sawError
                )
            )
        case .document: documentEnded()
        case .passing: handle(.executorEnded(isComplete: true, sawError: false))
        case .none: return
        }
    }

    func attemptFailed(_ failure: ExecutorFailure) {
        attemptEnded()
        let told = Failure(attempt: failure)
        attemptBroke(told, sawError: kind == .events && meter.sawError)
    }

    // MARK: Events

    /// One event, or a piece of a large one, in the turn in which it came.
    private func relay(_ event: Span<UInt8>, _ piece: EventSplitter.Kind) {
        guard machine.phase != .finishing, machine.phase != .ended else { return }
        let (tokens, last) = (meter.tokens, meter.lastToken)
        let found =
            piece == .whole
            ? meter.read(event, at: now, scanner: worker.scanner) : meter.readPiece(event, kind: piece, at: now)
        countGap(after: tokens, last: last)
        if machine.phase != .relay {
            // The first event is looked at before anything is committed; comments before it are dropped.
            if found == .comment { return }
            if meter.sawError {
                attemptBroke(Failure(executorStatus: nil, meter.error ?? StreamError()))
                return
            }
            handle(.answerReady)
            firstEventRelayed()
        }
        if found == .usage, removesUsageEvent { return }
        stream.send(event)
        dues.stall = now + snapshot.limits.stall
        if meter.isComplete { handle(.complete) }
    }

    /// From here on the exchange cannot move to another executor: the body has done its duty.
    private func firstEventRelayed() {
        worker.metrics.answerHandedOver(since: now)
        routing?.report(.good, at: now)
        letGoOfRequest()
        dues = Dues()
        dues.stall = now + snapshot.limits.stall
        // From here on, not only when it is full: little may wait for long, too.
        watchClient()
    }

    // MARK: Commit

    func commit() {
        guard let answerHead else { return }
        var fields = FieldPolicy.toClient(
            answerHead.fields,
            isEventStream: kind == .events,
            requestID: record.requestID,
            dialect: dialect
        )
        if kind == .document { fields.append(.contentLength, held.count) }
        if kind == .passing, let length = answerHead.fields.first(.contentLength) {
            fields.append(.contentLength, length)
        }
        if fields.first(.date) == nil { fields.append(.date, worker.date) }
        crossOrigin?.append(to: &fields)
        appendRates(to: &fields)
        record.status = answerHead.status
        record.committed = now
        let isBodiless = answerHead.status == 204 || answerHead.status == 304
        stream.respond(ResponseHead(status: answerHead.status, fields: fields), end: isBodiless)
        self.answerHead = nil
        takeShare()
    }

    /// 200 after `commit_after` of silence: intermediaries and SDKs would give up on a connection that says nothing.
    func commitSilently() {
        var fields = FieldBlock()
        FieldPolicy.appendEventStream(to: &fields)
        fields.append(.date, worker.date)
        appendRates(to: &fields)
        FieldPolicy.appendRequestID(record.requestID, dialect: dialect, to: &fields)
        crossOrigin?.append(to: &fields)
        record.status = 200
        record.committed = now
        stream.respond(ResponseHead(status: 200, fields: fields), end: false)
        takeShare()
    }

    func sendComment() {
        let comment: StaticString =
            dialect == .messages ? "event: ping\ndata: {\"type\": \"ping\"}\n\n" : ": keep-alive\n\n"
        stream.send(Array(String(describing: comment).utf8).span)
        dues.commit = .max
        dues.keepAlive = now + snapshot.limits.keepAlive
        arm()
    }

    private func takeShare() {
        let share = memory.commit(most: snapshot.limits.bufferMax)
        stream.payOutput(share)
        attempt?.setReadLimit(share)
    }

    // MARK: Documents

    private func hold(_ bytes: Span<UInt8>) {
        let isHeld = memory.hold(bytes, in: &held, expected: expectedLength)
        if isHeld, held.count <= Self.heldMax { return }
        if !isHeld, endsWithClose {
            // Nothing but the whole of it could tell whether it is whole.
            handle(.refused(.noMemory))
            return
        }
        // It is large, or there is no room to hold it: it passes as it comes.
        kind = .passing
        handle(.answerReady)
        firstEventRelayed()
        sendHeld()
        if !isHeld { stream.send(bytes) }
    }

    /// What was held goes out.
    private func sendHeld() {
        let bytes = held
        held = []
        memory.letGoOfAnswer()
        if !stream.isFinished { stream.send(SharedBytes(owned: bytes)) }
    }

    private func documentEnded() {
        let isJSON = answerHead?.fields.begins(.contentType, with: "application/json") ?? false
        if isJSON {
            let bytes = held
            let scanned = worker.scanner.scanAnswer(bytes.span)
            answerScan = scanned
            // Where only the connection's end tells the end, half an answer looks whole.
            if endsWithClose, !scanned.isValid {
                attemptBroke(Failure(.executorBrokeOff))
                return
            }
        }
        routing?.report((answerHead?.status ?? 500) < 500 ? .good : .fault, at: now)
        worker.metrics.answerHandedOver(since: now)
        handle(.answerReady)
        letGoOfRequest()
        sendHeld()
        handle(.complete)
    }

    // MARK: Flow control

    private func pauseIfFull() {
        guard !isPaused, memory.share > 0, stream.buffered > memory.share, machine.phase == .relay else { return }
        isPaused = true
        attempt?.setReading(false)
        dues.stall = .max
        watchClient()
    }

    func outputMoved() {
        guard isPaused, stream.buffered <= memory.share / 2 else { return }
        isPaused = false
        attempt?.setReading(true)
        if machine.phase == .relay {
            dues.stall = now + snapshot.limits.stall
            arm()
        }
    }
}
