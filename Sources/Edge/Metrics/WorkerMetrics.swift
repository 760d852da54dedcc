// A worker's counters as its exchanges see them. Confined to the worker: no locks, no atomics.
internal import HTTP
internal import Inference
internal import Transport

/// What a worker has counted of one model.
///
/// Confined to the worker. Exchanges hold their model's row: so a token finds it without a look-up.
final class ModelRow {
    /// Of the model's entry; `WorkerCounters.noModel` for the row of what named none.
    let id: Int
    var counts = WorkerCounters.OfModel()

    init(id: Int) { self.id = id }

    /// An attempt at the executor with this id is over.
    ///
    /// - Parameter place: Of how it ended, see `Ending`.
    func attemptEnded(_ place: Int, executor: Int) { counts.attempts.count(place, executor: executor) }
}

final class WorkerMetrics {
    /// All but the rows of the models.
    private var ofAll = WorkerCounters()
    private var rows: [Int: ModelRow]
    private let tenants: TenantLabels
    /// What this turn hands over, to be timed when all of it is with the kernel: when each of it began.
    private var requestsHandedOver: [Nanoseconds] = []
    private var answersHandedOver: [Nanoseconds] = []
    private var abortsInTurn = 0
    private var hasWork = false

    init(tenants: TenantLabels) {
        rows = [WorkerCounters.noModel: ModelRow(id: WorkerCounters.noModel)]
        self.tenants = tenants
    }

    /// A copy of everything.
    var counters: WorkerCounters {
        var copy = ofAll
        for (id, row) in rows { copy.models[id] = row.counts }
        return copy
    }

    /// The row of a model; made when it is first asked for.
    func row(of model: ModelEntry) -> ModelRow { row(model.id) }

    /// The row of the model with this id; without one, the row of what named no model.
    func row(_ id: Int?) -> ModelRow {
        let id = id ?? WorkerCounters.noModel
        if let row = rows[id] { return row }
        let row = ModelRow(id: id)
        rows[id] = row
        return row
    }

    /// Drops the rows of models that nothing names any more.
    func keep(_ models: Set<Int>) {
        rows = rows.filter { id, _ in id == WorkerCounters.noModel || models.contains(id) }
    }

    func connectionAccepted() { ofAll.accepted &+= 1 }
    func acceptingPaused(_ why: AcceptPause) { ofAll.acceptPauses[why.place] &+= 1 }
    func handshakeFailed(_ failure: HandshakeFailure) { ofAll.handshakeFailures[failure.index] &+= 1 }

    func wasted(_ tokens: Int, tenant: String) {
        let place = tenants.place(of: tenant)
        while ofAll.wastedTokens.count <= place { ofAll.wastedTokens.append(0) }
        ofAll.wastedTokens[place] &+= UInt64(tokens)
    }

    /// A client speaks something else than its listener.
    func spokeOtherwise(_ what: OtherProtocol) { ofAll.otherProtocols[what, default: 0] &+= 1 }

    /// An exchange is over.
    func exchangeEnded(_ end: ExchangeMachine.End, row: ModelRow, bytesIn: Int, bytesOut: Int) {
        ofAll.bytesIn &+= UInt64(bytesIn)
        ofAll.bytesOut &+= UInt64(bytesOut)
        row.counts.ends[Ending.place(of: end)] &+= 1
    }

    // MARK: What a turn hands over

    /// A request goes to an executor's connection in this turn; `since` the edge has had all that it needs for it.
    func requestHandedOver(since: Nanoseconds) {
        requestsHandedOver.append(since)
        hasWork = true
    }

    /// The first of an answer goes to the client's connection in this turn.
    func answerHandedOver(since: Nanoseconds) {
        answersHandedOver.append(since)
        hasWork = true
    }

    /// A client has left, and its attempt is given up in this turn.
    func abortHandedOver() {
        abortsInTurn += 1
        hasWork = true
    }

    /// The turn that began at `began` is over: what it had to say is written, what it had to close is closed.
    func turnEnded(began: Nanoseconds, clock: Clock) {
        guard hasWork else { return }
        hasWork = false
        let now = clock.now
        for since in requestsHandedOver { ofAll.requestOverhead.observe(now &- min(since, now)) }
        requestsHandedOver.removeAll(keepingCapacity: true)
        for since in answersHandedOver { ofAll.answerOverhead.observe(now &- min(since, now)) }
        answersHandedOver.removeAll(keepingCapacity: true)
        for _ in 0..<abortsInTurn { ofAll.abortToExecutor.observe(now &- min(began, now)) }
        abortsInTurn = 0
    }
}
