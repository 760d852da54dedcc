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
    private let promptBytes: Int
    private let budget: RetryBudget
    private var place = 0
    private var tried: [Int] = []
    private var attempts = 0
    private(set) var executor: Executor?
    private var isCounted = false
    private var isPromptCounted = false
    private var isReported = true
    private var retriesTaken = 0

    init(pools: [ExecutorPool], promptBytes: Int, budget: RetryBudget) {
        self.pools = pools
        self.promptBytes = promptBytes
        self.budget = budget
        budget.requestBegan()
    }

    /// The next executor, one that has not been tried: of the model, then of its fallbacks.
    ///
    /// Its attempt is counted.
    mutating func choose(at now: Nanoseconds) -> Executor? {
        guard attempts < Self.attemptsMax else { return nil }
        while place < pools.count {
            switch pools[place].choose(excluding: tried, promptBytes: promptBytes, at: now) {
            case .executor(let executor, _):
                if let index = pools[place].place(of: executor) { tried.append(index) }
                self.executor = executor
                attempts += 1
                isCounted = true
                isPromptCounted = true
                isReported = false
                return executor
            case .full, .none:
                place += 1
                tried = []
            }
        }
        return nil
    }

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
        guard let executor, !isReported, place < pools.count else { return }
        isReported = true
        pools[place].report(outcome, of: executor, at: now)
    }

    /// After a good first event: the stream stalled.
    func reportStall(at now: Nanoseconds) {
        guard let executor, place < pools.count else { return }
        pools[place].report(.fault, of: executor, at: now)
    }

    private mutating func promptDone() {
        guard isPromptCounted else { return }
        isPromptCounted = false
        executor?.promptDone(bytes: promptBytes)
    }

    mutating func attemptEnded() {
        promptDone()
        guard isCounted else { return }
        isCounted = false
        executor?.attemptEnded()
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
