// The answers of an attempt that are not streams: errors with a status of 400 or above, and documents.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Attempt {
    // MARK: An error

    /// Stores the next bytes of the body of an error response, by which the error is classified later.
    func holdFailure(_ bytes: Span<UInt8>) {
        // If the body is too large or there is no memory for more of it, the error is classified at once, by the part
        // in `held`.
        guard memory.hold(bytes, in: &held, expected: answer.expectedBytes), held.count <= EngineError.bodyMax else {
            failureEnded()
            return
        }
    }

    /// Classifies the engine's error by the status and by the part of the body that has arrived.
    ///
    /// The attempt then fails, or sends the request again.
    func failureEnded() {
        guard let head = answer.head else { return }
        // A compressed body is not decoded, so its error is classified by the status alone.
        let body = FieldPolicy.isEncoded(head.fields) ? [] : held
        failOrSendAgain(EngineError(status: head.status, body: body.span))
    }

    /// Fails the attempt with the engine's error, or sends the request again.
    ///
    /// The edge adds `stream_options` to ask for the token usage. If the engine refuses that field, the request is sent
    /// again without it.
    func failOrSendAgain(_ error: EngineError) {
        if phase == .waiting, error.refusesStreamOptions, sendAgainWithoutUsage() { return }
        fail(failure(of: error))
    }

    // MARK: A document

    /// Whether the document is JSON, as its content type says.
    ///
    /// For APIs whose answers are all JSON, the first byte of the document can show this, too.
    private var isJSON: Bool {
        answer.head.map { FieldPolicy.isJSON($0, in: dialect, beginsWith: firstByte) } ?? false
    }

    /// The first byte of the document after white space and a byte order mark.
    private var firstByte: UInt8? {
        let begin = held.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        return held[begin...].first { $0 > 0x20 }
    }

    /// Whether the document begins with `{` or `[`, as an object or an array does.
    private var isBracketed: Bool { firstByte.map { "{[".utf8.contains($0) } == true }

    /// Reads the next bytes of a document: holds them back, or begins to relay the document if it is large.
    func hold(_ bytes: Span<UInt8>) {
        guard let owner else { return }
        answer.documentBytes += bytes.count
        let isHeld = memory.hold(bytes, in: &held, expected: answer.expectedBytes)
        if isHeld, held.count <= Self.heldMax || held.count == answer.expectedBytes { return }
        if !isHeld, answer.endsWithClose {
            // There is no memory to hold the document. It cannot be relayed in pieces either: its body ends when the
            // connection closes, and only the complete document can show that the connection closed too early.
            fail(.noMemory)
            return
        }
        beginPassing(bytes, isHeld: isHeld, to: owner)
    }

    /// Begins to relay a document as it arrives, because it is larger than `heldMax` or there is no memory to hold it.
    ///
    /// - Parameter isHeld: Whether `held` already contains `bytes`, the latest bytes of the document.
    @inline(__always)
    private func beginPassing(_ bytes: Span<UInt8>, isHeld: Bool, to owner: any AttemptOwner) {
        if answer.isUnlabelled { becomeDocument(owner) }
        guard phase == .waiting else { return }
        if let failure = misfit(isJSON: isBracketed) {
            fail(failure)
            return
        }
        answer.kind = .passing
        becomeReady(owner)
        guard phase == .relaying else { return }
        answer.isLargeBracketed = isBracketed
        if isJSON || answer.isLargeBracketed {
            large = [LargeDocument()]
            let begin = held
            large[0].take(begin.span)
            if !isHeld { large[0].take(bytes) }
        }
        dropByteOrderMark()
        relayHeld(to: owner)
        if !isHeld, phase == .relaying { owner.attempt(self, relays: bytes) }
    }

    /// The failure of a document that does not fit the response head that the edge has already sent; nil if it fits.
    ///
    /// If an executor answers late, the edge sends the head of a stream or of a JSON document early, to keep the
    /// client's connection open.
    private func misfit(isJSON: Bool) -> Failure? {
        switch sentHead {
        case .none: nil
        case .eventStream: .noStream
        case .json: isJSON ? nil : .notJSON
        }
    }

    /// Removes the byte order mark of a document if spaces have been sent before the document to keep the connection
    /// open.
    ///
    /// A byte order mark is valid only at the beginning of a text, and the text now begins with the spaces.
    private func dropByteOrderMark() {
        if sentHead == .json, held.starts(with: [0xEF, 0xBB, 0xBF]) { held.removeFirst(3) }
    }

    /// Whether the executor's response head means the same as the early head of a JSON document.
    ///
    /// The edge sends the early head if the executor answers late. The early head has the status 200 and the type
    /// `application/json`, and it announces no compression.
    var announcesJSON: Bool {
        guard let head = answer.head, head.status == 200, !FieldPolicy.isEncoded(head.fields) else { return false }
        return head.fields.begins(.contentType, with: "application/json")
    }

    /// Relays the bytes in `held`, and empties `held`.
    func relayHeld(to owner: any AttemptOwner) {
        let document = SharedBytes(owned: held)
        held = []
        memory.letGoOfAnswer()
        owner.attempt(self, relays: document)
    }

    // MARK: A large document

    /// Relays the next bytes of a large document.
    ///
    /// If the length of the document was announced, its last bytes are held back until the document has been checked.
    /// Once the client has all bytes of that length, its response is complete, and the edge can no longer report an
    /// error.
    func pass(_ bytes: Span<UInt8>, to owner: any AttemptOwner) {
        answer.documentBytes += bytes.count
        if !large.isEmpty {
            large[0].take(bytes)
            if answer.documentBytes == answer.expectedBytes, memory.hold(bytes, in: &held, expected: nil) { return }
        }
        owner.attempt(self, relays: bytes)
    }

    /// Checks a large document after the whole HTTP response has arrived, and ends the attempt.
    func largeDocumentEnded(_ owner: any AttemptOwner) {
        if let found = large.first?.scan(with: environment.scanner) {
            answer.scan = found
            if let error = found.error {
                fail(failure(of: error))
                return
            }
            let mustBeJSON = answer.endsWithClose || (answer.isLargeBracketed && dialect != .other)
            if let failure = brokenness(of: found, mustBeJSON: mustBeJSON) {
                fail(failure)
                return
            }
        }
        if !held.isEmpty { relayHeld(to: owner) }
        if phase == .relaying { endWhole(owner) }
    }

    // MARK: The end of a document

    /// Decides by the first bytes whether an answer is a stream of events, as the request asked, or a document.
    ///
    /// The function is called if the request asked for a stream, but the answer's content type is not
    /// `text/event-stream`.
    func identify() {
        guard let owner, answer.kind == .document else { return }
        let begin = held
        switch EventLines.begins(begin.span) {
        case nil: return
        case true?:
            answer.isUnlabelled = false
            answer.kind = .events
            held = []
            answer.documentBytes = 0
            memory.letGoOfAnswer()
            owner.attempt(self, answersWith: .events)
            guard phase != .over else { return }
            responseBody(begin.span)
        case false?: becomeDocument(owner)
        }
    }

    /// Treats the answer as a document, because nothing shows that it is a stream of events, and reports this to the
    /// exchange.
    func becomeDocument(_ owner: any AttemptOwner) {
        answer.isUnlabelled = false
        owner.attempt(self, answersWith: answer.kind)
    }

    /// The failure of a document that is truncated, or whose finish reason shows that the engine stopped too early; nil
    /// for any other document.
    private func brokenness(of found: AnswerScan, mustBeJSON: Bool) -> Failure? {
        if mustBeJSON, !found.isValid { return .cutDocument }
        return found.isBroken(in: dialect) ? .brokeOff(reason: found.finishReason) : nil
    }

    /// The failure of a document that is incomplete, or that is not an answer of the executor's API; nil if the edge
    /// may relay it.
    ///
    /// Before this call, the caller has handled documents in which the engine reports an error.
    ///
    /// - Parameter found: The scan of the document; nil if it was not scanned.
    private func fault(of found: AnswerScan?) -> Failure? {
        guard let found, let head = answer.head else { return nil }
        // If the body ends when the connection closes, a lost connection can make half a document look complete. Only
        // valid JSON shows that the document is whole.
        let mustBeJSON = answer.scan != nil && (answer.endsWithClose || dialect != .other)
        if let failure = brokenness(of: found, mustBeJSON: mustBeJSON) { return failure }
        guard (200..<300).contains(head.status), !found.isAnswer(in: dialect) else { return nil }
        // A stream of events is accepted here. The client may have asked for it in a way that the scan of the request
        // does not recognize.
        let begin = held
        return EventLines.begins(begin.span) == true ? nil : .noAnswer
    }

    /// Scans the document in `held`; returns nil if it is compressed or cannot be JSON.
    @inline(__always)
    private func scanHeld(_ head: ResponseHead) -> AnswerScan? {
        let bytes = held
        let isJSON = isJSON
        let mayBeJSON = dialect != .other || isJSON || isBracketed
        let isScanned = mayBeJSON && !FieldPolicy.isEncoded(head.fields)
        let found = isScanned ? environment.scanner.scanAnswer(bytes.span) : nil
        if isJSON { answer.scan = found }
        return found
    }

    /// Checks the complete document, and relays it or fails the attempt.
    func documentEnded() {
        guard let owner, let head = answer.head else { return }
        if dialect != .other, held.allSatisfy({ $0 <= 0x20 }) {
            fail(.emptyAnswer)
            return
        }
        let found = scanHeld(head)
        if let error = found?.error {
            failOrSendAgain(error)
            return
        }
        if let failure = fault(of: found) {
            fail(failure)
            return
        }
        if let failure = misfit(isJSON: found?.isValid == true) {
            fail(failure)
            return
        }
        if found?.isValid == true, let named = reasoning?.rewritten(document: held) { held = named }
        becomeReady(owner)
        guard phase == .relaying else { return }
        dropByteOrderMark()
        relayHeld(to: owner)
        if phase == .relaying { endWhole(owner) }
    }
}

extension Failure {
    /// The failure of a document that is not an answer of the executor's API, such as an HTML page or an empty object.
    fileprivate static var noAnswer: Failure {
        var failure = Failure(.executorProtocol)
        failure.detail = "its document is no answer of this API"
        return failure
    }
}
