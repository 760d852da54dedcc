// A worker's counters as its exchanges see them. Confined to the worker: no locks, no atomics.
internal import Inference
internal import Transport

final class WorkerMetrics {
    private(set) var counters: WorkerCounters
    private let tenants: TenantLabels
    /// What this turn hands over, to be timed when all of it is with the kernel: when each of it began.
    private var requestsHandedOver: [Nanoseconds] = []
    private var answersHandedOver: [Nanoseconds] = []
    private var abortsInTurn = 0
    private var hasWork = false

    init(models: Int, executors: Int, tenants: TenantLabels) {
        counters = WorkerCounters(models: models, executors: executors)
        self.tenants = tenants
    }

    /// Once a token.
    func tokenGap(_ gap: Nanoseconds, model: Int) { counters.models[model].gap.observe(gap) }

    func attemptEnded(_ place: Int, executor: Int) { counters.attempts[executor][place] &+= 1 }

    func wasted(_ tokens: Int, tenant: String) {
        let place = tenants.place(of: tenant)
        while counters.wastedTokens.count <= place { counters.wastedTokens.append(0) }
        counters.wastedTokens[place] &+= UInt64(tokens)
    }

    /// An exchange is over.
    ///
    /// - Parameter model: its place in the catalog; nil when it named none.
    func exchangeEnded(
        _ end: ExchangeMachine.End,
        model: Int?,
        bytesIn: Int,
        bytesOut: Int,
        _ more: (inout WorkerCounters.OfModel) -> Void = { _ in }
    ) {
        counters.bytesIn &+= UInt64(bytesIn)
        counters.bytesOut &+= UInt64(bytesOut)
        let row = model ?? counters.models.count - 1
        counters.models[row].ends[Ending.place(of: end)] &+= 1
        more(&counters.models[row])
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
        for since in requestsHandedOver { counters.requestOverhead.observe(now &- min(since, now)) }
        requestsHandedOver.removeAll(keepingCapacity: true)
        for since in answersHandedOver { counters.answerOverhead.observe(now &- min(since, now)) }
        answersHandedOver.removeAll(keepingCapacity: true)
        for _ in 0..<abortsInTurn { counters.abortToExecutor.observe(now &- min(began, now)) }
        abortsInTurn = 0
    }
}
