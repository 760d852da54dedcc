// Reads the events of an attempt's answer, decides which events are relayed, and decides how a stream has ended.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Attempt {
    /// Counts the tokens of one event of the engine, or of a piece of a large event, and sends it to the client.
    ///
    /// An event that the client may not get yet is kept for later, or dropped if it is only a comment.
    ///
    /// An engine's error event is not relayed, because a client may take it for output, and because its text may
    /// contain internal addresses. The attempt fails instead. If a part of the answer has already been relayed, the
    /// client then gets an error event of the edge.
    func read(_ event: Span<UInt8>, _ piece: EventSplitter.Kind) {
        // An earlier event in the same received bytes may have ended the attempt.
        guard let owner, !answer.isUsageRefused else { return }
        let usages = meter.usages
        let found = measure(event, piece)
        // The case is matched by a pattern, because `==` on an enum of another module costs a function call for each
        // event.
        let isBad = if case .broken = found { true } else { meter.sawError }
        // An event that reports an error is not relayed. But if the first pieces of a large event have been sent
        // already, the client gets its last piece, too, and then the edge's error event.
        if isBad, !hasSentBeginning(of: piece) {
            failed(by: found)
            return
        }
        guard isRelayedNow(event, piece, found, to: owner) else { return }
        let hasOwnUsage = removesUsage && meter.usages != usages
        if hasOwnUsage || reasoning != nil, case .whole = piece {
            relayRewritten(event, withoutUsage: hasOwnUsage, to: owner)
        } else {
            owner.attempt(self, relays: event)
        }
        guard phase == .relaying else { return }
        if isBad {
            failed(by: found)
        } else if meter.isComplete {
            endWhole(owner)
        }
    }

    /// Handles an event that reports an error or ends the stream too early.
    ///
    /// If the engine refuses `stream_options`, which the edge has added, and the client has received nothing of the
    /// answer, the request is sent again without this field. Otherwise the attempt fails.
    private func failed(by found: Meter.EventClass) {
        guard let error = meter.error else {
            fail(.brokeOff(reason: meter.finishReason))
            return
        }
        if phase == .waiting, removesUsage, error.refusesStreamOptions {
            // `usageWasRefused` sends the request again without `stream_options`, after the caller has finished reading
            // the received bytes of this answer.
            answer.isUsageRefused = true
            return
        }
        fail(failure(of: error))
    }

    /// Sends the request again without `stream_options` if the engine has refused this field in an error event.
    ///
    /// The edge had added the field to ask for the token usage, and nothing of the answer has been relayed yet.
    ///
    /// - Returns: Whether `stream_options` was refused; the caller then drops the rest of the answer.
    func usageWasRefused() -> Bool {
        guard answer.isUsageRefused else { return false }
        answer.isUsageRefused = false
        failOrSendAgain(meter.error ?? EngineError())
        return true
    }

    /// Counts the tokens of an event or of a piece of an event, and records the time since the previous token.
    @inline(__always)
    private func measure(_ event: Span<UInt8>, _ piece: EventSplitter.Kind) -> Meter.EventClass {
        let now = now
        let (tokens, last) = (meter.tokens, meter.lastToken)
        let scanner = environment.scanner
        let found =
            if case .whole = piece {
                meter.read(event, at: now, scanner: scanner)
            } else {
                meter.readPiece(event, kind: piece, at: now, scanner: scanner)
            }
        if tokens > 0, meter.tokens > tokens {
            row.counts.gap.observe(meter.lastToken &- min(last, meter.lastToken))
        }
        return found
    }

    /// Whether the piece ends a large event whose earlier pieces have been sent to the client.
    @inline(__always)
    private func hasSentBeginning(of piece: EventSplitter.Kind) -> Bool {
        guard case .lastPiece = piece else { return false }
        return !answer.holdsEvent && phase != .waiting
    }

    /// Whether an event or a piece of an event may be sent to the client now.
    ///
    /// Before the first event is sent, this function begins the response to the client, and sends the earlier events
    /// that have been kept until now.
    @inline(__always)
    private func isRelayedNow(
        _ event: Span<UInt8>,
        _ piece: EventSplitter.Kind,
        _ found: Meter.EventClass,
        to owner: any AttemptOwner
    ) -> Bool {
        let isFirstPiece = if case .firstPiece = piece { true } else { false }
        guard phase == .waiting || answer.holdsEvent || isFirstPiece else { return true }
        if keeps(event, piece, found) { return false }
        if phase == .waiting { becomeReady(owner) }
        guard phase == .relaying else { return false }
        if !held.isEmpty { relayHeld(to: owner) }
        return phase == .relaying
    }

    /// Drops or keeps an event that must not be sent to the client yet.
    ///
    /// Before the first event with content, comments are dropped and events without content are kept. The pieces of a
    /// large event are kept, up to `heldMax` bytes, if nothing has been relayed yet or if the event may report an
    /// error.
    ///
    /// - Returns: Whether the event was kept or dropped; false if the caller has to send the event to the client.
    private func keeps(_ event: Span<UInt8>, _ piece: EventSplitter.Kind, _ found: Meter.EventClass) -> Bool {
        switch piece {
        case .whole: return keepsWhole(event, found)
        case .firstPiece:
            let mayHold = phase == .waiting || Self.mayTellError(event)
            answer.holdsEvent = mayHold && memory.hold(event, in: &held, expected: nil)
        case .piece:
            let isHeld = held.count + event.count <= Self.heldMax && memory.hold(event, in: &held, expected: nil)
            answer.holdsEvent = answer.holdsEvent && isHeld
        case .lastPiece: answer.holdsEvent = false
        }
        return answer.holdsEvent
    }

    @inline(__always)
    private func keepsWhole(_ event: Span<UInt8>, _ found: Meter.EventClass) -> Bool {
        switch found {
        case .comment: return true
        case .fields:
            _ = keep(event)
            return true
        case .plain: return meter.events == 0 && keep(event)
        case .token, .finish, .usage, .error, .end, .broken: return false
        }
    }

    /// Whether the first piece of a large event contains the word `error` or `detail`, as error events do.
    ///
    /// Other events may contain these words, too. So the attempt keeps the pieces, up to `heldMax` bytes, until it is
    /// known whether the event reports an error.
    private static func mayTellError(_ event: Span<UInt8>) -> Bool {
        func has(_ word: [UInt8]) -> Bool {
            guard event.count >= word.count else { return false }
            return (0...event.count - word.count).contains { start in
                event[start] == word[0] && word.indices.allSatisfy { event[start + $0] == word[$0] }
            }
        }
        return has(Array("error".utf8)) || has(Array("detail".utf8))
    }

    /// Sends an event to the client in the form that the client expects; sends nothing if nothing is left of the event.
    ///
    /// The model's reasoning is put into the JSON members that the setting `models[].reasoning` selects. The `usage` is
    /// removed if the client did not request it.
    private func relayRewritten(_ event: Span<UInt8>, withoutUsage: Bool, to owner: any AttemptOwner) {
        let named = reasoning?.rewritten(event: event)
        var left = named
        if withoutUsage {
            if let named { left = UsageRemoval.removed(from: named.span) ?? named }
            if named == nil { left = UsageRemoval.removed(from: event) }
        }
        guard let left else {
            owner.attempt(self, relays: event)
            return
        }
        if !left.isEmpty { owner.attempt(self, relays: left.span) }
    }

    /// Keeps an event without content, to send it to the client just before the first event with content.
    ///
    /// - Returns: Whether the event was kept; false if the kept events together would exceed `fieldsMax` bytes.
    private func keep(_ event: Span<UInt8>) -> Bool {
        guard held.count + event.count <= Self.fieldsMax else { return false }
        if let named = reasoning?.rewritten(event: event) {
            held += named
        } else {
            for index in event.indices { held.append(event[index]) }
        }
        return true
    }

    /// Ends the attempt after the engine has ended the HTTP response without an HTTP error.
    ///
    /// The attempt is complete only if the stream's events show that the answer is complete. Otherwise it fails.
    func streamEnded() {
        var isBetween = splitter.finish { event, piece in read(event, piece) }
        if !isBetween, owner != nil, let (event, piece) = splitter.completedTail,
            meter.isEnded(by: event.span, kind: piece, scanner: environment.scanner)
        {
            isBetween = true
            read(event.span, piece)
        }
        if usageWasRefused() { return }
        // The last event may have ended the attempt: it was an error, or it completed the stream.
        guard let owner, phase != .over else { return }
        if !isBetween, let error = errorWithoutItsEnd {
            failOrSendAgain(error)
            return
        }
        guard phase == .relaying, isBetween, meter.isCompleteAtCleanEnd else {
            fail(Failure(.executorBrokeOff))
            return
        }
        endWhole(owner)
    }

    /// An error of the engine in the bytes after the last complete event; nil if they contain none.
    ///
    /// These bytes have not been sent to the client. They may be the beginning of an event, or a line or a JSON
    /// document that is not an event.
    private var errorWithoutItsEnd: EngineError? {
        let rest = answer.holdsEvent ? held : splitter.rest
        guard !rest.isEmpty else { return nil }
        let scanner = environment.scanner
        if let error = scanner.scanEvent(rest.span).error { return error }
        return scanner.scanAnswer(rest.span).error
    }
}
