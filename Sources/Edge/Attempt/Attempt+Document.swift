// An attempt's answer that is no stream: one with a status of failure, or a document.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Attempt {
    // MARK: A failure

    func holdFailure(_ bytes: Span<UInt8>) {
        // A body that is larger is judged by its first bytes.
        guard memory.hold(bytes, in: &held, expected: expectedBytes), held.count <= EngineError.bodyMax else {
            failureEnded()
            return
        }
    }

    /// All that is to be heard of the failure is there.
    func failureEnded() {
        guard let head else { return }
        // A compressed body cannot be read.
        let body = FieldPolicy.isEncoded(head.fields) ? [] : held
        var error = EngineError(status: head.status, body: body.span)
        error.pause = RetryAfter.milliseconds(head.fields, now: Clock.wallTime().seconds) ?? error.pause
        if error.refusesStreamOptions, sendAgainWithoutUsage() { return }
        fail(error.classified(in: dialect))
    }

    // MARK: A document

    /// The document says that it is JSON, or looks so where the dialect has no other answers.
    private var isJSON: Bool {
        head.map { FieldPolicy.isJSON($0, in: dialect, beginsWith: held.first { $0 > 0x20 }) } ?? false
    }

    func hold(_ bytes: Span<UInt8>) {
        guard let owner else { return }
        documentBytes += bytes.count
        let isHeld = memory.hold(bytes, in: &held, expected: expectedBytes)
        if isHeld, held.count <= Self.heldMax { return }
        if !isHeld, endsWithClose {
            // Nothing but the whole of it could tell whether it is whole.
            fail(.noMemory)
            return
        }
        if isUnlabelled { becomeDocument(owner) }
        guard phase == .waiting else { return }
        // A document that is large, or that there is no room to hold, is relayed as it comes.
        if relaysEventsOnly {
            fail(.noStream)
            return
        }
        kind = .passing
        becomeReady(owner)
        guard phase == .relaying else { return }
        if isJSON {
            large = [LargeDocument()]
            let begin = held
            large[0].take(begin.span)
            if !isHeld { large[0].take(bytes) }
        }
        relayHeld(to: owner)
        if !isHeld, phase == .relaying { owner.attempt(self, relays: bytes) }
    }

    /// Hands over the bytes of the document that were held back.
    func relayHeld(to owner: any AttemptOwner) {
        let document = SharedBytes(owned: held)
        held = []
        memory.letGoOfAnswer()
        owner.attempt(self, relays: document)
    }

    /// Looks at the begin of an answer that was to be a stream, and does not say what it is.
    func identify() {
        guard let owner, kind == .document else { return }
        let begin = held
        switch EventLines.begins(begin.span) {
        case nil: return
        case true?:
            isUnlabelled = false
            kind = .events
            held = []
            documentBytes = 0
            memory.letGoOfAnswer()
            owner.attempt(self, answersWith: .events)
            guard phase != .over else { return }
            responseBody(begin.span)
        case false?: becomeDocument(owner)
        }
    }

    func becomeDocument(_ owner: any AttemptOwner) {
        isUnlabelled = false
        owner.attempt(self, answersWith: kind)
    }

    /// The error that a whole document tells, whatever its label says that it is.
    private var documentError: Failure? {
        guard held.first(where: { $0 > 0x20 }).map({ "{[".utf8.contains($0) }) == true else { return nil }
        let error = scan == nil ? environment.scanner.scanAnswer(held.span).error : scan?.error
        return error?.classified(in: dialect)
    }

    func documentEnded() {
        guard let owner else { return }
        if dialect != .other, held.allSatisfy({ $0 <= 0x20 }) {
            fail(.emptyAnswer)
            return
        }
        if isJSON {
            let bytes = held
            let found = environment.scanner.scanAnswer(bytes.span)
            scan = found
            // Where only the connection's end tells the end, half an answer looks whole.
            if endsWithClose, !found.isValid {
                fail(Failure(.executorBrokeOff))
                return
            }
        }
        if let error = documentError {
            fail(error)
            return
        }
        if let found = scan, found.isBroken(in: dialect) {
            fail(.brokeOff(reason: found.finishReason))
            return
        }
        if relaysEventsOnly {
            fail(.noStream)
            return
        }
        becomeReady(owner)
        guard phase == .relaying else { return }
        relayHeld(to: owner)
        if phase == .relaying { owner.attempt(self, ended: .whole(error: nil)) }
    }
}
