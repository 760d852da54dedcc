// Adds a finished exchange to the counters of its worker.
internal import Inference
internal import Routing
internal import Transport

extension WorkerMetrics {
    /// Counts the exchange, its attempts and the tokens that it has used.
    ///
    /// - Parameter row: The counters of the exchange's model; if nil, they are looked up by the id of the model.
    func count(_ finished: FinishedExchange, row: ModelRow? = nil) {
        guard !finished.isHealthCheck else { return }
        for attempt in finished.failed { count(attempt, as: finished.end, row: row) }
        if let last = finished.last { count(last, as: finished.end, row: row) }
        let wasted = finished.wastedTokens
        if wasted > 0 { self.wasted(wasted, tenant: finished.tenant ?? Authenticator.anonymous) }
        let own = row ?? self.row(finished.modelID)
        exchangeEnded(finished.end, row: own, bytesIn: finished.bytesIn, bytesOut: finished.bytesOut)
        own.counts.add(finished)
    }

    private func count(_ attempt: FinishedExchange.Attempted, as end: ExchangeMachine.End, row: ModelRow?) {
        let place = attempt.failure.map { Ending.index(of: $0) } ?? Ending.index(of: end)
        // An attempt at an executor of a fallback model is counted for the fallback model, not for the requested model.
        let own = row?.id == attempt.modelID ? row : nil
        let counted = own ?? self.row(attempt.modelID)
        counted.attemptEnded(place, executor: attempt.executorID)
        if let placement = attempt.placement { counted.counts.placements[placement.reason, default: 0] &+= 1 }
    }
}

extension WorkerCounters.OfModel {
    fileprivate mutating func add(_ finished: FinishedExchange) {
        statuses[finished.reportedStatus, default: 0] &+= 1
        duration.observe(finished.ended &- finished.began)
        if let wait = finished.queueWait { queueWait.observe(wait) }
        guard let usage = finished.usage else { return }
        let stream = finished.stream
        tokens[.init(isInput: true, isEstimated: usage.isInputEstimated), default: 0] &+= UInt64(usage.input)
        tokens[.init(isInput: false, isEstimated: usage.isOutputEstimated), default: 0] &+= UInt64(usage.output)
        // The semantic conventions of OpenTelemetry ask for counts, not for estimates. So the number of tokens
        // is recorded only if the executor has counted them, or if it is the number of token events in a stream.
        if !usage.isInputEstimated {
            input.observe(UInt64(usage.input))
            prefixTokens.add(usage, finished.last?.placement)
        }
        if !usage.isOutputEstimated || stream != nil { output.observe(UInt64(usage.output)) }
        guard let stream, stream.firstToken > 0 else { return }
        firstToken.observe(stream.firstToken &- finished.began)
        if finished.end == .complete, stream.tokens > 1 {
            timePerToken.observe((stream.lastToken &- stream.firstToken) / UInt64(stream.tokens - 1))
        }
    }
}

extension WorkerCounters.PrefixTokens {
    /// Adds a prompt whose tokens the executor has counted.
    ///
    /// - Parameter placement: how many bytes of the prompt the pool believed to be in the executor's cache. They are
    ///   converted to tokens and counted as `believed`. Nil if the model's executors are not chosen by their cached
    ///   prompts.
    fileprivate mutating func add(_ usage: Usage, _ placement: Placement?) {
        prompt &+= UInt64(usage.input)
        cached &+= UInt64(usage.cached ?? 0)
        guard let placement, placement.believedBytes > 0 else { return }
        let part = Double(placement.believedBytes) / Double(placement.believedBytes + placement.missingBytes)
        believed &+= UInt64(part * Double(usage.input))
    }
}
