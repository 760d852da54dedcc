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
        head.map { FieldPolicy.isJSON($0, in: dialect, beginsWith: firstByte) } ?? false
    }

    /// The first byte of the document that is neither space nor of a byte order mark.
    private var firstByte: UInt8? {
        let begin = held.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        return held[begin...].first { $0 > 0x20 }
    }

    /// The document begins as an object or an array.
    private var isBracketed: Bool { firstByte.map { "{[".utf8.contains($0) } == true }

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
            let mustBeJSON = endsWithClose || (isLargeBracketed && dialect != .other)
            if let failure = brokenness(of: found, mustBeJSON: mustBeJSON) {
                fail(failure)
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

    /// The failure that a document is which is cut off, or which says itself that it broke off; nil for another one.
    private func brokenness(of found: AnswerScan, mustBeJSON: Bool) -> Failure? {
        if mustBeJSON, !found.isValid { return .cutDocument }
        return found.isBroken(in: dialect) ? .brokeOff(reason: found.finishReason) : nil
    }

    /// The failure that a document is whose framing ended in order and which tells no error; nil for a good answer.
    ///
    /// - Parameter found: The scan of the document; nil for one that was not scanned.
    private func fault(of found: AnswerScan?) -> Failure? {
        guard let found, let head else { return nil }
        // Where only the connection's end tells the end, half an answer looks whole.
        let mustBeJSON = scan != nil && (endsWithClose || dialect != .other)
        if let failure = brokenness(of: found, mustBeJSON: mustBeJSON) { return failure }
        guard (200..<300).contains(head.status), dialect.hasKnownAnswers, !found.isAnswer(in: dialect) else {
            return nil
        }
        // Events may be what the client has asked for in another way.
        let begin = held
        return EventLines.begins(begin.span) == true ? nil : .noAnswer
    }

    func documentEnded() {
        guard let owner, let head else { return }
        if dialect != .other, held.allSatisfy({ $0 <= 0x20 }) {
            fail(.emptyAnswer)
            return
        }
        let bytes = held
        let isJSON = isJSON
        var found: AnswerScan?
        let mayBeJSON = dialect != .other || isJSON || isBracketed
        if mayBeJSON, !FieldPolicy.isEncoded(head.fields) { found = environment.scanner.scanAnswer(bytes.span) }
        if isJSON { scan = found }
        if let error = found?.error {
            failOrSendAgain(error)
            return
        }
        if let failure = fault(of: found) {
            fail(failure)
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

extension Failure {
    /// A document that is no answer of the dialect: a page of HTML, an empty object.
    fileprivate static var noAnswer: Failure {
        var failure = Failure(.executorProtocol)
        failure.detail = "its document is no answer of this API"
        return failure
    }
}

extension Dialect {
    /// Whether every answer in this dialect is a JSON object that has one of the members in `AnswerScan.isAnswer`.
    fileprivate var hasKnownAnswers: Bool {
        switch self {
        case .openAIChat, .completions, .embeddings, .responses, .messages: true
        case .countTokens, .rerank, .other, .tokenize: false
        }
    }
}
