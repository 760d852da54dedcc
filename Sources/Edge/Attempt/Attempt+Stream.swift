// The events of an attempt's answer: what each is to the exchange, and how a stream ends.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Attempt {
    /// Reads one event, or a piece of a large one, in the turn in which it came.
    ///
    /// An error is never relayed, since engines tell it in shapes that the client's reader takes for good events, and in
    /// words that may name addresses: the attempt fails, and the client gets an error event of the edge's own.
    func read(_ event: Span<UInt8>, _ piece: EventSplitter.Kind) {
        // The attempt may have ended with an event before this one.
        guard let owner, !isUsageRefused else { return }
        let now = now
        let (tokens, last, usages) = (meter.tokens, meter.lastToken, meter.usages)
        let scanner = environment.scanner
        let found =
            piece == .whole
            ? meter.read(event, at: now, scanner: scanner)
            : meter.readPiece(event, kind: piece, at: now, scanner: scanner)
        if tokens > 0, meter.tokens > tokens {
            row.counts.gap.observe(meter.lastToken &- min(last, meter.lastToken))
        }
        let isBad = found == .broken || meter.sawError
        // The client has had the first pieces of a large event: it gets the last piece as well, and our error event after it.
        if isBad, piece != .lastPiece || holdsEvent || phase == .waiting {
            failed(by: found)
            return
        }
        if phase == .waiting || holdsEvent || piece == .firstPiece {
            if keeps(event, piece, found) { return }
            if phase == .waiting { becomeReady(owner) }
            guard phase == .relaying else { return }
            if !held.isEmpty { relayHeld(to: owner) }
            guard phase == .relaying else { return }
        }
        if removesUsage, meter.usages != usages, piece == .whole {
            relayWithoutUsage(event, to: owner)
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

    /// The stream cannot become whole any more.
    private func failed(by found: Meter.EventClass) {
        guard let error = meter.error else {
            fail(.brokeOff(reason: meter.finishReason))
            return
        }
        if phase == .waiting, removesUsage, error.refusesStreamOptions {
            // The splitter is in the midst of its work: `usageWasRefused` goes on after it.
            isUsageRefused = true
            return
        }
        fail(failure(of: error))
    }

    /// Sends the request again if the first event has refused what only we had asked for.
    ///
    /// - Returns: Whether the event has refused it: then the rest of the answer is dropped.
    func usageWasRefused() -> Bool {
        guard isUsageRefused else { return false }
        isUsageRefused = false
        failOrSendAgain(meter.error ?? EngineError())
        return true
    }

    /// Keeps what is not to be relayed yet, or never; false for what is relayed now.
    ///
    /// Before anything is committed those are comments, which are dropped, and events that say nothing, which wait for the
    /// first one that does. A large event that comes first, or that may be an error, is kept up to `heldMax`.
    private func keeps(_ event: Span<UInt8>, _ piece: EventSplitter.Kind, _ found: Meter.EventClass) -> Bool {
        switch piece {
        case .whole:
            switch found {
            case .comment: return true
            case .fields:
                _ = keep(event)
                return true
            case .plain: return meter.events == 0 && keep(event)
            case .token, .finish, .usage, .error, .end, .broken: return false
            }
        case .firstPiece:
            holdsEvent = (phase == .waiting || Self.mayTellError(event)) && memory.hold(event, in: &held, expected: nil)
        case .piece:
            let isHeld = held.count + event.count <= Self.heldMax && memory.hold(event, in: &held, expected: nil)
            holdsEvent = holdsEvent && isHeld
        case .lastPiece: holdsEvent = false
        }
        return holdsEvent
    }

    /// Whether the first piece of a large event has a word that errors have: it need not be one.
    private static func mayTellError(_ event: Span<UInt8>) -> Bool {
        func has(_ word: [UInt8]) -> Bool {
            guard event.count >= word.count else { return false }
            return (0...event.count - word.count).contains { start in
                event[start] == word[0] && word.indices.allSatisfy { event[start + $0] == word[$0] }
            }
        }
        return has(Array("error".utf8)) || has(Array("detail".utf8))
    }

    /// The usage is asked for by us alone: the client gets what else the event says, if anything.
    private func relayWithoutUsage(_ event: Span<UInt8>, to owner: any AttemptOwner) {
        guard let left = UsageRemoval.removed(from: event) else {
            owner.attempt(self, relays: event)
            return
        }
        if !left.isEmpty { owner.attempt(self, relays: left.span) }
    }

    /// Keeps an event that says nothing until the first one that says something is relayed.
    ///
    /// - Returns: Whether there was room for it.
    private func keep(_ event: Span<UInt8>) -> Bool {
        guard held.count + event.count <= Self.fieldsMax else { return false }
        for index in event.indices { held.append(event[index]) }
        return true
    }

    /// The framing of a stream has ended in order.
    func streamEnded() {
        var isBetween = splitter.finish { event, piece in read(event, piece) }
        if !isBetween, owner != nil, let (event, piece) = splitter.completedTail,
            meter.isEnded(by: event.span, kind: piece, scanner: environment.scanner)
        {
            isBetween = true
            read(event.span, piece)
        }
        if usageWasRefused() { return }
        // The last event may have ended the attempt, as an error or as the completing one.
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

    /// The error in what has come since the last event: a line or a document that is no event, or one without its end.
    ///
    /// The client has had none of it.
    private var errorWithoutItsEnd: EngineError? {
        let rest = holdsEvent ? held : splitter.rest
        guard !rest.isEmpty else { return nil }
        let scanner = environment.scanner
        if let error = scanner.scanEvent(rest.span).error { return error }
        return scanner.scanAnswer(rest.span).error
    }
}
