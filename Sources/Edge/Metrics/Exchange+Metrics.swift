// What is counted of an exchange: once when it is over, and each token's gap.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Exchange {
    /// An event has been read; before it there were `tokens`, the last of them at `last`.
    func countGap(after tokens: Int, last: Nanoseconds) {
        guard tokens > 0, meter.tokens > tokens, let row = record.row else { return }
        worker.metrics.tokenGap(meter.lastToken &- min(last, meter.lastToken), row: row)
    }

    /// The last attempt is over, one way or the other.
    func countAttempt(_ place: Int) {
        guard let target, !record.isAttemptCounted else { return }
        record.isAttemptCounted = true
        worker.metrics.attemptEnded(place, model: target.model.id, executor: target.executor.id)
    }

    /// What it has used; nil when it has named no model.
    func usage(_ end: ExchangeMachine.End) -> Usage? {
        guard record.row != nil else { return nil }
        // Neither reached, nor answered with a status that says that nothing was done.
        guard record.isWithExecutor else { return Usage.none }
        let requestBytes = record.bytesIn
        switch kind {
        case .events:
            return Usage(meter, isWhole: end == .complete || meter.isComplete, requestBytes: requestBytes)
        case .document, .passing:
            guard (200..<300).contains(record.answerStatus) else { return Usage.none }
            let bytes = max(stream.bytesSent, held.count)
            return Usage(answerScan, dialect: dialect, answerBytes: bytes, requestBytes: requestBytes)
        case .none: return Usage(requestBytes: requestBytes)
        }
    }

    /// It is over: the counters take what the log line says, and no more.
    func count(_ end: ExchangeMachine.End, _ usage: Usage?) {
        countAttempt(Ending.place(of: end))
        countWaste(end)
        let (now, isStream) = (now, kind == .events)
        worker.metrics.exchangeEnded(
            end,
            model: record.row?.id,
            bytesIn: record.bytesIn,
            bytesOut: stream.bytesSent
        ) { counters in
            counters.duration.observe(now &- record.began)
            if record.queueBegan > 0 { counters.queueWait.observe(record.queueWait(at: now)) }
            guard let usage else { return }
            let kinds = (
                WorkerCounters.TokenKind(isInput: true, isEstimated: usage.isInputEstimated),
                WorkerCounters.TokenKind(isInput: false, isEstimated: usage.isOutputEstimated)
            )
            counters.tokens[kinds.0, default: 0] &+= UInt64(usage.input)
            counters.tokens[kinds.1, default: 0] &+= UInt64(usage.output)
            // The convention wants counts, not guesses: the executor's, or counted events.
            if !usage.isInputEstimated { counters.input.observe(UInt64(usage.input)) }
            if !usage.isOutputEstimated || isStream { counters.output.observe(UInt64(usage.output)) }
            guard isStream, meter.firstToken > 0 else { return }
            counters.firstToken.observe(meter.firstToken &- record.began)
            if end == .complete, meter.tokens > 1 {
                counters.timePerToken.observe((meter.lastToken &- meter.firstToken) / UInt64(meter.tokens - 1))
            }
        }
    }

    /// Tokens that an executor has sent, and that its client was no longer there to take: by their share of the bytes
    /// that were left.
    private func countWaste(_ end: ExchangeMachine.End) {
        let lost = max(record.bytesLost, stream.bytesLost)
        guard end != .complete, kind == .events, lost > 0, stream.bytesSent > 0, meter.tokens > 0 else { return }
        let share = (meter.tokens * min(lost, stream.bytesSent) + stream.bytesSent - 1) / stream.bytesSent
        worker.metrics.wasted(share, tenant: record.tenant)
    }
}
