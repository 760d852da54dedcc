// The events of an attempt's answer: what each is to the exchange, and how a stream ends.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Attempt {
    /// The failure that the error event of its stream means; only to be read after such an event.
    var told: Failure { (meter.error ?? EngineError()).classified(in: dialect) }

    /// Reads one event, or a piece of a large one, in the turn in which it came.
    func read(_ event: Span<UInt8>, _ piece: EventSplitter.Kind) {
        // The attempt may have ended with an event before this one.
        guard let owner else { return }
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
        if phase == .waiting {
            // The first event is looked at before anything is committed; comments before it are dropped.
            switch found {
            case .comment: return
            case .fields:
                _ = keep(event)
                return
            case .plain where piece == .whole && meter.events == 0 && keep(event): return
            case .broken:
                fail(.brokeOff(reason: meter.finishReason))
                return
            case .token, .plain, .finish, .usage, .error, .end: break
            }
            if meter.sawError {
                fail(told)
                return
            }
            becomeReady(owner)
            guard phase == .relaying else { return }
            if !held.isEmpty { relayHeld(to: owner) }
        }
        if found == .broken, piece == .whole {
            fail(.brokeOff(reason: meter.finishReason))
            return
        }
        if found == .error, meter.isErrorBare {
            // The client would not see such a line: it gets an event of ours.
            fail(told)
            return
        }
        if removesUsage, meter.usages != usages, piece == .whole {
            relayWithoutUsage(event, to: owner)
        } else {
            owner.attempt(self, relays: event)
        }
        guard phase == .relaying else { return }
        if found == .broken {
            fail(.brokeOff(reason: meter.finishReason))
        } else if meter.isComplete {
            owner.attempt(self, ended: .whole(error: lateError()))
        }
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

    /// The error that the executor has told in the midst of its answer, which its executor is charged; nil for none.
    private func lateError() -> Failure? {
        guard meter.sawError else { return nil }
        let failure = told
        lease.reportLate(failure.lateOutcome, at: now)
        return failure
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
        // The last event may have ended the attempt, as an error or as the completing one.
        guard let owner, phase != .over else { return }
        if !isBetween, !meter.sawError, let error = errorWithoutItsEnd {
            fail(error)
            return
        }
        guard phase == .relaying else {
            fail(Failure(.executorBrokeOff))
            return
        }
        let error = lateError()
        close(.neither)
        owner.attempt(
            self,
            ended: .closed(isComplete: isBetween && meter.isCompleteAtCleanEnd, error: isBetween ? error : nil)
        )
    }

    /// The error in what has come since the last event: a line or a document that is no event, or one without its end.
    ///
    /// The client has had none of it.
    private var errorWithoutItsEnd: Failure? {
        let rest = splitter.rest
        guard !rest.isEmpty else { return nil }
        let error = environment.scanner.scanEvent(rest.span).error ?? environment.scanner.scanAnswer(rest.span).error
        return error?.classified(in: dialect)
    }
}
