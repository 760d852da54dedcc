// What the counters of a worker take of an exchange that is over.
internal import Inference
internal import Transport

extension WorkerMetrics {
    /// Counts the exchange, its attempts, and what it has used: what its line in the log says, and no more.
    func count(_ finished: FinishedExchange) {
        guard !finished.isHealthCheck else { return }
        for attempt in finished.attempts {
            let place = attempt.failure.map { Ending.place(of: $0) } ?? Ending.place(of: finished.end)
            attemptEnded(place, model: attempt.modelID, executor: attempt.executorID)
        }
        let wasted = finished.wastedTokens
        if wasted > 0 { self.wasted(wasted, tenant: finished.tenant ?? KeyAccess.anonymous) }
        exchangeEnded(
            finished.end,
            model: finished.modelID,
            bytesIn: finished.bytesIn,
            bytesOut: finished.bytesOut
        ) { counters in counters.add(finished) }
    }
}

extension WorkerCounters.OfModel {
    fileprivate mutating func add(_ finished: FinishedExchange) {
        duration.observe(finished.ended &- finished.began)
        if let wait = finished.queueWait { queueWait.observe(wait) }
        guard let usage = finished.usage else { return }
        let stream = finished.stream
        tokens[.init(isInput: true, isEstimated: usage.isInputEstimated), default: 0] &+= UInt64(usage.input)
        tokens[.init(isInput: false, isEstimated: usage.isOutputEstimated), default: 0] &+= UInt64(usage.output)
        // The convention wants counts, not guesses: the executor's, or counted events.
        if !usage.isInputEstimated { input.observe(UInt64(usage.input)) }
        if !usage.isOutputEstimated || stream != nil { output.observe(UInt64(usage.output)) }
        guard let stream, stream.firstToken > 0 else { return }
        firstToken.observe(stream.firstToken &- finished.began)
        if finished.end == .complete, stream.tokens > 1 {
            timePerToken.observe((stream.lastToken &- stream.firstToken) / UInt64(stream.tokens - 1))
        }
    }
}
