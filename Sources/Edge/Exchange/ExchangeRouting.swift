// Where an exchange may go: the pools of its model and of the model's fallbacks, and what has been tried.
internal import Routing
internal import Transport

/// Confined to its exchange.
///
/// Every attempt that it hands out is counted at its executor until `attemptEnded`.
struct ExchangeRouting {
    /// However many executors there are.
    static let attemptsMax = 6

    private let pools: [ExecutorPool]
    private let budget: RetryBudget
    private var place = 0
    private var request: RoutingRequest
    private var attempts = 0
    /// The executor of the last attempt, and the pool that it was chosen from.
    private var current: (executor: Executor, pool: ExecutorPool)?
    private var ticket: QueueTicket?
    private var isCounted = false
    private var isPromptCounted = false
    private var isReported = true
    private var retriesTaken = 0

    init(pools: [ExecutorPool], tenant: String, promptBytes: Int, budget: RetryBudget) {
        self.pools = pools
        request = RoutingRequest(tenant: tenant, promptBytes: promptBytes)
        self.budget = budget
        budget.requestBegan()
    }

    /// The pool that the executor of the last attempt was chosen from.
    var pool: ExecutorPool? { current?.pool }

    enum Next {
        /// Its attempt is counted.
        case executor(Executor)
        case waiting
        case refused(retryAfter: Nanoseconds)
        case none
    }

    /// The next executor, one that has not been tried: of the model, then of its fallbacks; or a place in the queue.
    ///
    /// - Parameter grant: called from any thread with the executor, if it waits.
    mutating func admit(
        limits: AdmissionLimits,
        again: Bool = false,
        at now: Nanoseconds,
        grant: @escaping @Sendable (Grant) -> Void
    ) -> Next {
        guard attempts < Self.attemptsMax else { return .none }
        while place < pools.count {
            let admission = pools[place].admit(
                request,
                returning: again,
                waitMax: limits.waitMax,
                queueMax: limits.queueMax,
                at: now,
                grant: grant
            )
            switch admission {
            case .executor(let executor):
                take(executor)
                return .executor(executor)
            case .waiting(let ticket):
                self.ticket = ticket
                return .waiting
            case .refused(let retryAfter): return .refused(retryAfter: retryAfter)
            case .none:
                place += 1
                request.tried = []
            }
        }
        return .none
    }

    /// Another executor for an exchange that has tried one: it waits for none.
    mutating func choose(at now: Nanoseconds) -> Executor? {
        guard attempts < Self.attemptsMax else { return nil }
        while place < pools.count {
            if case .executor(let executor) = pools[place].choose(request, at: now) {
                take(executor)
                return executor
            }
            // A pool that is merely full is waited for, if it comes to that, before another model answers.
            guard place + 1 < pools.count else { return nil }
            place += 1
            request.tried = []
        }
        return nil
    }

    /// The executor is this exchange's: its attempt is counted.
    mutating func take(_ executor: Executor) {
        ticket = nil
        request.tried.append(executor.id)
        current = (executor, pools[place])
        attempts += 1
        isCounted = true
        isPromptCounted = true
        isReported = false
    }

    /// Once more from the beginning: all that were tried were busy, and may be free when its turn comes.
    mutating func forgetTried() {
        request.tried = []
        attempts = 0
    }

    mutating func leaveQueue() {
        guard let ticket else { return }
        self.ticket = nil
        // If a grant is on its way, the worker gives it back when it finds that the exchange waits no more.
        pools[place].leave(ticket)
    }

    /// How long one more of this tenant would wait now; at least a second.
    func predictedWait(of tenant: String) -> Nanoseconds {
        place < pools.count ? pools[place].predictedWait(of: tenant) : 1_000_000_000
    }

    /// Time passes, and with it pauses of executors.
    func pump(at now: Nanoseconds) { if place < pools.count { pools[place].pump(at: now) } }

    /// Whether a failure of the attempt may be followed by another: takes from the budget what has to be.
    ///
    /// Connect failures and resets cost the executors nothing and draw on none.
    mutating func mayRetry(_ failure: RetryCause) -> Bool {
        switch failure {
        case .none: return false
        case .free: return true
        case .budgeted:
            guard budget.take() else { return false }
            retriesTaken += 1
            return true
        }
    }

    /// What the attempt has shown of its executor: the first word counts.
    mutating func report(_ outcome: ExecutorPool.Outcome, at now: Nanoseconds) {
        promptDone()
        // What the retry was to get is there: its share of the budget is for others now.
        if case .good = outcome { giveBackRetries() }
        guard let current, !isReported else { return }
        isReported = true
        current.pool.report(outcome, of: current.executor, at: now)
    }

    /// After a good first event: the stream stalled.
    func reportStall(at now: Nanoseconds) {
        guard let current else { return }
        current.pool.report(.fault(.timeout), of: current.executor, at: now)
    }

    private mutating func promptDone() {
        guard isPromptCounted else { return }
        isPromptCounted = false
        current?.executor.promptDone(bytes: request.promptBytes)
    }

    mutating func attemptEnded(at now: Nanoseconds) {
        promptDone()
        guard isCounted, let current else { return }
        isCounted = false
        current.pool.release(current.executor, at: now)
    }

    /// The exchange is over; an attempt may still be ending its side.
    mutating func exchangeEnded(at now: Nanoseconds) {
        report(.neither, at: now)
        giveBackRetries()
        budget.requestEnded()
    }

    private mutating func giveBackRetries() {
        for _ in 0..<retriesTaken { budget.retryEnded() }
        retriesTaken = 0
    }
}

/// Whether and how a failure may lead to another attempt.
enum RetryCause { case none, free, budgeted }
