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
        failOrSendAgain(EngineError(status: head.status, body: body.span))
    }

    /// The whole answer is an error: the attempt has failed, unless the error refuses what only we had asked for.
    func failOrSendAgain(_ error: EngineError) {
        if phase == .waiting, error.refusesStreamOptions, sendAgainWithoutUsage() { return }
        fail(failure(of: error))
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
        if isHeld, held.count <= Self.heldMax || held.count == expectedBytes { return }
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
        isLargeBracketed = isBracketed
        if isJSON || isLargeBracketed {
            large = [LargeDocument()]
            let begin = held
            large[0].take(begin.span)
            if !isHeld { large[0].take(bytes) }
        }
        relayHeld(to: owner)
        if !isHeld, phase == .relaying { owner.attempt(self, relays: bytes) }
    }

    /// Hands over the bytes that were held back.
    func relayHeld(to owner: any AttemptOwner) {
        let document = SharedBytes(owned: held)
        held = []
        memory.letGoOfAnswer()
        owner.attempt(self, relays: document)
    }

    // MARK: A large document

    /// Relays the next bytes of a large document.
    ///
    /// The bytes that complete its announced length are held back until the document has been judged: with them the client
    /// would have a whole answer, however the edge ended it.
    func pass(_ bytes: Span<UInt8>, to owner: any AttemptOwner) {
        documentBytes += bytes.count
        if !large.isEmpty {
            large[0].take(bytes)
            if documentBytes == expectedBytes, memory.hold(bytes, in: &held, expected: nil) { return }
        }
        owner.attempt(self, relays: bytes)
    }

    /// The framing of a large document has ended in order.
    func largeDocumentEnded(_ owner: any AttemptOwner) {
        if let found = large.first?.scan(with: environment.scanner) {
            scan = found
            if let error = found.error {
                fail(failure(of: error))
                return
            }
            if !found.isValid, endsWithClose || (isLargeBracketed && dialect != .other) {
                fail(.cutDocument)
                return
            }
            if found.isBroken(in: dialect) {
                fail(.brokeOff(reason: found.finishReason))
                return
            }
        }
        if !held.isEmpty { relayHeld(to: owner) }
        if phase == .relaying { endWhole(owner) }
    }

    // MARK: The end of a document

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

    /// The document begins as an object or an array.
    private var isBracketed: Bool { held.first { $0 > 0x20 }.map { "{[".utf8.contains($0) } == true }

    /// The error that a whole document tells, whatever its label says that it is.
    private var documentError: EngineError? {
        guard isBracketed else { return nil }
        if let scan { return scan.error }
        let begin = held
        return environment.scanner.scanAnswer(begin.span).error
    }

    /// The document ends inside of a text, an object or an array.
    ///
    /// One that is whole and not quite JSON, such as one with NaN, is none of ours to judge.
    private var isCut: Bool {
        guard isBracketed, dialect != .other else { return false }
        var depth = 0
        var isInText = false
        var isEscaped = false
        for byte in held {
            switch byte {
            case _ where isEscaped: isEscaped = false
            case UInt8(ascii: "\\"): isEscaped = isInText
            case UInt8(ascii: "\""): isInText.toggle()
            case _ where isInText: break
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
        }
        return isInText || depth > 0
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
            if !found.isValid, endsWithClose || isCut {
                fail(.cutDocument)
                return
            }
        }
        if let error = documentError {
            failOrSendAgain(error)
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
        if phase == .relaying { endWhole(owner) }
    }
}
