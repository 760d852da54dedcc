// Counts the exchanges and connections of a worker.
internal import HTTP
internal import Inference
internal import Transport

/// Counts the exchanges and connections of one worker; confined to the worker, so that it needs no locks or atomics.
final class WorkerMetrics {
    /// All counters except the counters of the models, which are in `rows`.
    private var common = WorkerCounters()
    /// The counters of each model, by the id of the model in the registry.
    private var rows: [Int: ModelRow]
    private let tenants: TenantLabels
    private var handedOver = HandedOver()
    /// Whether this turn of the event loop has sent a request, begun a response or cancelled an attempt.
    ///
    /// If so, `turnEnded` measures how long the worker took for it.
    private var hasWork = false

    init(tenants: TenantLabels) {
        rows = [WorkerCounters.noModel: ModelRow(id: WorkerCounters.noModel)]
        self.tenants = tenants
    }

    /// A copy of everything that has been counted.
    var counters: WorkerCounters {
        var copy = common
        for (id, row) in rows { copy.models[id] = row.counts }
        return copy
    }

    /// The counters of a model, which are created at the first call.
    func row(of model: ModelEntry) -> ModelRow { row(model.id) }

    /// The counters of the model with this id; for nil, the counters of requests that named no known model.
    func row(_ id: Int?) -> ModelRow {
        let id = id ?? WorkerCounters.noModel
        if let row = rows[id] { return row }
        let row = ModelRow(id: id)
        rows[id] = row
        return row
    }

    /// Drops the counters of all models whose ids are not in this set.
    func keep(_ models: Set<Int>) {
        rows = rows.filter { id, _ in id == WorkerCounters.noModel || models.contains(id) }
    }

    /// Counts an accepted connection.
    func connectionAccepted() { common.accepted &+= 1 }
    /// Counts a pause in accepting connections.
    func acceptingPaused(_ why: AcceptPause) { common.acceptPauses[why.index] &+= 1 }
    /// Counts a failed TLS handshake.
    func handshakeFailed(_ failure: HandshakeFailure) { common.handshakeFailures[failure.index] &+= 1 }

    /// Counts a connection or request that was refused because of a limit for its client's address.
    func addressRefused(_ limit: AddressLimit) { common.addressRefusals[limit.index] &+= 1 }

    /// Counts tokens that an executor sent but that did not reach the client.
    func wasted(_ tokens: Int, tenant: String) {
        let index = tenants.index(of: tenant)
        while common.wastedTokens.count <= index { common.wastedTokens.append(0) }
        common.wastedTokens[index] &+= UInt64(tokens)
    }

    /// Counts a connection whose client speaks another protocol than the listener serves.
    func spokeOtherwise(_ what: OtherProtocol) { common.otherProtocols[what, default: 0] &+= 1 }

    /// Counts a client that was refused because of its address or its PROXY header.
    func clientRefused(_ why: ClientRefusal) { common.clientsRefused[why, default: 0] &+= 1 }

    /// Counts a request that its client cancelled after it was sent to an executor, and before its answer began.
    func prefillReset() { common.prefillResets &+= 1 }

    /// Counts a request by the source of its client's address, such as the socket's peer or a header field.
    func requestBegan(from source: ClientAddressSource) { common.clientSources[source.index] &+= 1 }

    /// Counts an exchange that has ended, and its bytes.
    func exchangeEnded(_ end: ExchangeMachine.End, row: ModelRow, bytesIn: Int, bytesOut: Int) {
        common.bytesIn &+= UInt64(bytesIn)
        common.bytesOut &+= UInt64(bytesOut)
        row.counts.ends[Ending.index(of: end)] &+= 1
    }

    // MARK: What a turn hands over

    /// Records that this turn of the event loop passes a request to an executor's connection.
    ///
    /// - Parameter since: when the request was complete and its wait for an executor was over.
    func requestHandedOver(since: Nanoseconds) {
        handedOver.requests.append(since)
        hasWork = true
    }

    /// Records that this turn of the event loop passes the beginning of a response to the client's connection.
    ///
    /// - Parameter since: when the first event of the response arrived from the executor.
    func answerHandedOver(since: Nanoseconds) {
        handedOver.answers.append(since)
        hasWork = true
    }

    /// Records that this turn of the event loop ends an attempt at an executor, because the client has left.
    func abortHandedOver() {
        handedOver.aborts += 1
        hasWork = true
    }

    /// Measures how long requests, responses and cancellations took inside the edge until this turn of the event loop
    /// wrote them to a connection.
    ///
    /// Called at the end of the turn, when all output has been written.
    ///
    /// - Parameter began: when the turn began.
    func turnEnded(began: Nanoseconds, clock: Clock) {
        guard hasWork else { return }
        hasWork = false
        handedOver.measure(into: &common, began: began, now: clock.now)
    }
}
