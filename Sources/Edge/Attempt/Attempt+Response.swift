// What an attempt does when its request has been sent, when a part of the response has arrived, or when the connection
// or the stream has failed.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Attempt: ExecutorStreamHandler {
    /// Called when the kernel has accepted the whole request for sending.
    func requestSent() {
        times.sent = max(1, now &- times.began)
        hasRequest = true
    }

    /// Called when the head of the response has arrived; its status and fields tell which kind of answer follows.
    func responseHead(_ head: ResponseHead, body: ResponseBody) {
        noteArrival()
        guard let owner, phase == .waiting else { return }
        times.head = max(1, now &- times.began)
        hasRequest = true
        answer.head = head
        if (300..<400).contains(head.status) {
            redirected(by: head)
            return
        }
        if [204, 205, 206].contains(head.status), dialect != .other {
            fail(.noAnswer(in: head))
            return
        }
        guard head.status < 400 else {
            failureBegan(owner)
            return
        }
        answerBegan(head, body: body, owner)
    }

    /// Begins to wait for the body of an answer with a status of 400 or above, for at most `failureTime`.
    ///
    /// The attempt waits for the body because it may explain the error.
    private func failureBegan(_ owner: any AttemptOwner) {
        answer.kind = .failure
        owner.attempt(self, answersWith: answer.kind)
        guard phase == .waiting else { return }
        timer = environment.loop.timers.schedule(at: now + Self.failureTime, target: self, kind: 0)
    }

    /// Handles the head of an answer that has no error status: a stream of events, or a document such as a JSON object.
    @inline(__always)
    private func answerBegan(_ head: ResponseHead, body: ResponseBody, _ owner: any AttemptOwner) {
        let isEvents = (200..<300).contains(head.status) && FieldPolicy.isEventStream(head.fields)
        if isEvents, FieldPolicy.isEncoded(head.fields) {
            fail(Failure(.executorProtocol, "The executor compressed an event stream."))
            return
        }
        if sentHead == .json, isEvents || FieldPolicy.isEncoded(head.fields) {
            fail(.notJSON)
            return
        }
        answer.kind = isEvents ? .events : .document
        answer.endsWithClose = body == .untilClose
        if case .known(let length) = body { answer.expectedBytes = length }
        answer.isUnlabelled =
            wantsStream && !isEvents && (200..<300).contains(head.status)
            && !FieldPolicy.isEncoded(head.fields)
        if !answer.isUnlabelled { owner.attempt(self, answersWith: answer.kind) }
    }

    /// Called with the next bytes of the response's body; `bytes` is valid only during the call.
    func responseBody(_ bytes: Span<UInt8>) {
        noteArrival()
        guard let owner else { return }
        switch answer.kind {
        case .events:
            splitter.feed(bytes) { event, piece in read(event, piece) }
            if usageWasRefused() { return }
            if self.owner != nil { memory.keepPiece(of: splitter.pending) }
        case .document:
            hold(bytes)
            if answer.isUnlabelled { identify() }
        case .failure: holdFailure(bytes)
        case .passing:
            pass(bytes, to: owner)
        case .none: return
        }
    }

    /// Called when the response has ended as HTTP requires, so its last byte has arrived.
    func responseEnded() {
        stream = nil
        guard let owner else {
            close(.neither)
            return
        }
        if answer.isUnlabelled { becomeDocument(owner) }
        guard phase != .over else { return }
        switch answer.kind {
        case .events: streamEnded()
        case .document: documentEnded()
        case .failure: failureEnded()
        case .passing: largeDocumentEnded(owner)
        case .none: fail(Failure(.executorBrokeOff))
        }
    }

    /// Called when the connection or the HTTP/2 stream has failed.
    func attemptFailed(_ failure: ExecutorFailure) {
        stream = nil
        if case .connectTimeout = failure { isConnectTimedOut = true }
        if status == 0, ProbeLoss(failure).isRefusal { executor.engine.refused(at: now) }
        guard owner != nil else {
            close(.neither)
            return
        }
        switch answer.kind {
        // The executor has already answered with an error status, which says more than the failure of the connection.
        case .failure: failureEnded()
        default: fail(Failure(attempt: failure))
        }
    }
}
