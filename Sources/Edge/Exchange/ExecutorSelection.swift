// Which executor an exchange tries next: what it has tried, where it waits, and how much it may still try and wait.
internal import Inference
internal import Routing
internal import Transport

/// Confined to its exchange; a value with a duty: the exchange calls `ended` once.
///
/// It carries out `RetryPolicy`: asks the pools of the model and of its fallbacks, in this order, and keeps what an
/// exchange has used of its attempts, of its wait and of the retry budget.
struct ExecutorSelection {
    /// Attempts of one exchange, however many executors there are and whatever they answer.
    static let attemptsMax = 6
    /// So many executors may break off on one request before it is told: it may be what breaks them.
    static let breaksMax = 3
    /// So many executors may let one request wait in vain: it may be what takes so long.
    static let silencesMax = 2
    /// What an attempt has at least, however long those before it took; in nanoseconds.
    static let attemptTimeMin: Nanoseconds = 60_000_000_000

    /// How long the exchange has waited for executors, all its waits together.
    struct Wait: Equatable, Sendable {
        /// When it first waited, 0 if it never has.
        var began: Nanoseconds = 0
        fileprivate var since: Nanoseconds?
        fileprivate var before: Nanoseconds = 0

        var isUnderWay: Bool { since != nil }

        func total(at now: Nanoseconds) -> Nanoseconds { before + (since.map { now &- $0 } ?? 0) }

        fileprivate mutating func begin(at now: Nanoseconds) {
            guard since == nil else { return }
            since = now
            if began == 0 { began = now }
        }

        fileprivate mutating func end(at now: Nanoseconds) {
            before = total(at: now)
            since = nil
        }
    }

    /// Why the exchange has no executor.
    enum Cause {
        case arrival
        /// The attempt has failed, and its executor has been released.
        case failure(Failure)
        /// The wait in a queue is over: `waitIsLeft` is false.
        case waitOver
        /// The exchange had to leave a queue for one of another tenant, and one more would wait for so long.
        case gaveWay(retryAfter: Nanoseconds)

        fileprivate var ofPolicy: RetryPolicy.Cause {
            switch self {
            case .arrival: .arrival
            case .failure(let failure): .failure(failure.retry)
            case .waitOver: .waitOver
            case .gaveWay: .gaveWay
            }
        }
    }

    /// An attempt that has failed before its answer was ready.
    struct Failed {
        var executor: Executor
        var pool: ExecutorPool
        var failure: Failure
        var verdict = AttemptVerdict.atOnce(.neither)
        var duration: Nanoseconds
        /// The executor had the whole request.
        var hadRequest = false
        /// Ids of executors that would fail in the same way, beside its own.
        var alike: [Int] = []
    }

    enum Step {
        /// An attempt at an executor that has been counted.
        case attempt(ExecutorLease)
        /// The exchange stands in a queue, until it is granted an executor.
        case wait
        /// There is no room in the retry budget: ask again soon, for the same cause.
        case waitForBudget
        case tell(Failure)
    }

    private let pools: [ExecutorPool]
    private var request: RoutingRequest
    private let limits: AdmissionLimits
    private let budget: RetryBudget
    private(set) var wait = Wait()
    /// How many attempts have begun.
    private(set) var attempts = 0
    /// How long attempts that failed have taken, all together.
    private var attempted: Nanoseconds = 0
    /// How many failures were worth one attempt only.
    private var lastTries = 0
    /// How many executors broke off once they had the request.
    private var breaks = 0
    /// How many executors did not begin to answer in time.
    private var silences = 0
    /// The index of the pool that the last failed attempt was from.
    private var failedPool = 0
    private var charges = PendingCharges()
    /// What an engine said that does not have the path: told if no engine of another kind does better.
    private var missingPath: Failure?
    /// The pool in whose queue the exchange stands.
    private var queue: (pool: Int, ticket: QueueTicket)?
    /// The pool in whose queue the exchange stood last.
    private var waitedFor = 0
    /// The wait followed a failure that only the retry budget may follow.
    private var waitsForRetry = false
    /// One place of the retry budget is this exchange's.
    private var holdsRetry = false
    /// The failure after which the exchange waits for room in the retry budget.
    private(set) var postponed: Failure?

    /// - Parameter pools: That of the model first, then those of its fallbacks, in order.
    init(pools: [ExecutorPool], request: RoutingRequest, limits: AdmissionLimits, budget: RetryBudget) {
        self.pools = pools
        self.request = request
        self.request.usesBad = pools.count == 1
        self.limits = limits
        self.budget = budget
        budget.requestBegan()
    }

    /// How much of `admission.max_wait` is left.
    func waitLeft(at now: Nanoseconds) -> Nanoseconds {
        let used = wait.total(at: now)
        return used < limits.waitMax ? limits.waitMax - used : 0
    }

    /// How long the next attempt may take until its answer is ready: what is left of the total, but never so little that
    /// it would be in vain.
    ///
    /// - Parameter total: What all attempts together may take, by the configuration.
    func answerTime(total: Nanoseconds) -> Nanoseconds {
        max(min(total, Self.attemptTimeMin), total > attempted ? total - attempted : 0)
    }

    // MARK: The next step

    /// Decides what is next, and takes what that needs: an executor, a place in a queue or in the budget.
    ///
    /// - Parameters:
    ///   - ended: Called from any thread with the end of the wait, if the step is `wait`.
    mutating func next(
        after cause: Cause,
        at now: Nanoseconds,
        ended: @escaping @Sendable (WaitEnd) -> Void
    ) -> Step {
        leaveQueue()
        letGoOfRetry()
        postponed = nil
        let left = waitLeft(at: now)
        var situation = RetryPolicy.Situation(
            cause.ofPolicy,
            attemptsAreLeft: attemptsAreLeft(after: cause),
            waitIsLeft: left > 0,
            pools: pools.count,
            asked: firstPool(after: cause)
        )
        if situation.cause == .failure(.otherKind) { situation.pools = failedPool + 1 }
        if case .failure(let retry) = situation.cause, retry.needsBudget, situation.attemptsAreLeft {
            situation.budgetHasRoom = budget.take()
            holdsRetry = situation.budgetHasRoom
        }
        var refused: Nanoseconds?
        if case .gaveWay(let retryAfter) = cause { refused = retryAfter }
        while true {
            switch RetryPolicy.next(situation) {
            case .ask(let pool, let mayWait):
                let admission = pools[pool].admit(
                    request,
                    returning: attempts > 0,
                    waitMax: mayWait ? left : 0,
                    queueMax: limits.queueMax,
                    at: now,
                    ended: ended
                )
                switch admission {
                case .executor(let executor): return .attempt(take(executor, of: pool, began: now, at: now))
                case .waiting(let ticket):
                    queue = (pool, ticket)
                    waitsForRetry = holdsRetry
                    letGoOfRetry()
                    wait.begin(at: now)
                    return .wait
                case .refused(let retryAfter): refused = min(refused ?? .max, retryAfter)
                case .none: break
                }
                situation.asked = pool + 1
                if situation.asked == situation.pools, refused == nil, !request.usesBad {
                    // Not one of the pools has an executor that is well: then one that is not has to do.
                    request.usesBad = true
                    situation.asked = firstPool(after: cause)
                }
            case .waitForBudget:
                if case .failure(let failure) = cause { postponed = failure }
                wait.begin(at: now)
                return .waitForBudget
            case .tell:
                wait.end(at: now)
                letGoOfRetry()
                charges.exchangeFailed(at: now)
                return .tell(told(cause, refused: refused, waitIsLeft: left > 0, at: now))
            }
        }
    }

    private func attemptsAreLeft(after cause: Cause) -> Bool {
        guard attempts < Self.attemptsMax, breaks < Self.breaksMax, silences < Self.silencesMax else { return false }
        guard case .failure(let failure) = cause, failure.retry.isLastTry else { return true }
        return lastTries <= 1
    }

    /// The index of the first pool to ask.
    ///
    /// A wait that is over, or had to end, was for its own pool and for those before it. Another kind is looked for where
    /// the failed attempt was.
    private func firstPool(after cause: Cause) -> Int {
        switch cause {
        case .waitOver, .gaveWay: waitedFor + 1
        case .failure(let failure) where failure.retry == .otherKind: failedPool
        case .failure, .arrival: 0
        }
    }

    /// Takes the executor that a pool has granted.
    ///
    /// - Returns: nil where the exchange does not wait for that pool: a grant may come late, after it has left the queue
    ///   that the grant is of.
    mutating func granted(_ grant: Grant, at now: Nanoseconds) -> ExecutorLease? {
        guard let (pool, ticket) = queue, pools[pool] === grant.pool else { return nil }
        queue = nil
        // The grant may be of an earlier wait in the same queue; the exchange then still stands in that queue.
        pools[pool].leave(ticket)
        // The queue has let it go on, whether or not the budget has room; others see it there.
        if waitsForRetry {
            budget.retryBegan()
            holdsRetry = true
        }
        return take(grant.executor, of: pool, began: grant.began, at: now)
    }

    /// Whether the exchange still stands where it had to give way.
    func stands(at way: GaveWay) -> Bool {
        guard let (pool, ticket) = queue else { return false }
        return pools[pool] === way.pool && ticket == way.ticket
    }

    private mutating func take(
        _ executor: Executor,
        of pool: Int,
        began: Nanoseconds,
        at now: Nanoseconds
    ) -> ExecutorLease {
        wait.end(at: now)
        attempts += 1
        return ExecutorLease(executor: executor, pool: pools[pool], began: began, promptBytes: request.promptBytes)
    }

    private func told(_ cause: Cause, refused: Nanoseconds?, waitIsLeft: Bool, at now: Nanoseconds) -> Failure {
        var failed: Failure?
        if case .failure(let failure) = cause { failed = failure }
        let told = RetryPolicy.told(
            cause.ofPolicy,
            wasFull: refused != nil,
            saysBusy: failed?.charge == .busy || failed?.retry.isLastTry == true,
            waitIsLeft: waitIsLeft
        )
        switch told {
        case .failure:
            if let missingPath, failed?.side != .client { return missingPath }
            return failed ?? Failure(.noExecutor)
        case .queueFull: return Failure(.queueFull, waiting: refused ?? Self.waitDefault)
        case .queueTimeout: return Failure(.queueTimeout, waiting: refused ?? predictedWait(at: now))
        case .noExecutor:
            var failure = Failure(.noExecutor)
            let dead = pools.reduce(0) { $0 + $1.members.count { $0.executor.engine.isDead } }
            let all = pools.reduce(0) { $0 + $1.members.count }
            failure.detail = "of \(all) executors \(dead) are dead by their probes, others left out for their faults"
            return failure
        }
    }

    private static let waitDefault: Nanoseconds = 1_000_000_000

    /// How long one more such request would wait now for the model; at least a second.
    private func predictedWait(at now: Nanoseconds) -> Nanoseconds {
        pools.first?.predictedWait(of: request, at: now) ?? Self.waitDefault
    }

    // MARK: What came of it

    /// The attempt has failed before its answer was ready.
    ///
    /// An executor that is busy may be asked again when it has room; another one is asked once.
    mutating func failed(_ failed: Failed, at now: Nanoseconds) {
        attempted += failed.duration
        failedPool = pools.firstIndex { $0 === failed.pool } ?? 0
        charges.add(failed.verdict, of: failed.executor, in: failed.pool)
        if failed.failure.retry.isLastTry { lastTries += 1 }
        if failed.failure.retry == .otherKind { missingPath = failed.failure }
        if failed.hadRequest, [.executorBrokeOff, .executorUnreachable].contains(failed.failure.kind) { breaks += 1 }
        if failed.failure.kind == .firstEventTimeout { silences += 1 }
        if failed.failure.charge == .busy { return }
        request.tried.append(failed.executor.id)
        request.tried += failed.alike
    }

    /// An executor has answered the request well: those that failed it before are charged.
    mutating func answered(at now: Nanoseconds) { charges.requestAnswered(at: now) }

    /// The retry is over, by a good answer or by what the client is told: its place in the budget is for others.
    mutating func letGoOfRetry() {
        guard holdsRetry else { return }
        holdsRetry = false
        budget.retryEnded()
    }

    /// Time passes, and with it pauses of executors: the queue is looked at.
    func pump(at now: Nanoseconds) {
        if let queue { pools[queue.pool].pump(at: now) }
    }

    /// The exchange waits no more: nobody is to be given to it.
    mutating func stopWaiting(at now: Nanoseconds) {
        leaveQueue()
        wait.end(at: now)
        postponed = nil
    }

    /// The exchange is over; an attempt may still be ending its side.
    mutating func ended(at now: Nanoseconds) {
        stopWaiting(at: now)
        letGoOfRetry()
        charges.exchangeFailed(at: now)
        budget.requestEnded()
    }

    private mutating func leaveQueue() {
        guard let (pool, ticket) = queue else { return }
        queue = nil
        waitedFor = pool
        // If a grant is on its way, the worker gives it back when it finds that the exchange waits no more.
        pools[pool].leave(ticket)
    }
}

extension Failure {
    /// A refusal that is worth trying again after this time.
    init(_ kind: Kind, waiting wait: Nanoseconds) {
        self.init(kind, retryAfter: Int((wait + 999_999_999) / 1_000_000_000))
        retryAfterMs = Int(wait / 1_000_000)
    }
}
