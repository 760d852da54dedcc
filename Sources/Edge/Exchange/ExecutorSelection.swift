// Chooses the executor that an exchange tries next, and counts the attempts and waits of the exchange against its
// limits.
internal import Inference
internal import Routing
internal import Transport

/// Chooses the executors of one exchange, as `RetryPolicy` decides.
///
/// Asks the pool of the model, and then the pools of its fallback models. Counts the exchange's attempts and its
/// waiting time, and counts its retries in the retry budget.
///
/// Confined to its exchange, which must call `ended` exactly once.
struct ExecutorSelection {
    /// Why an executor must be chosen for the exchange now.
    enum Cause {
        /// The request has just been read, or its wait ended because no executor of the pool may take it any more.
        case arrival
        /// The attempt has failed, and its executor has been released.
        case failure(Failure)
        /// The exchange has waited for as long as `admission.max_wait` allows.
        case waitOver
        /// The exchange has waited as long as it may for a model to be loaded.
        case loadWaitOver
        /// The exchange had to leave a queue to make room for one of a higher priority class or of another tenant.
        ///
        /// `retryAfter` is the expected wait of a new request, in nanoseconds.
        case gaveWay(retryAfter: Nanoseconds)

        var ofPolicy: RetryPolicy.Cause {
            switch self {
            case .arrival: .arrival
            case .failure(let failure): .failure(failure.retry)
            case .waitOver, .loadWaitOver: .waitOver
            case .gaveWay: .gaveWay
            }
        }

        var failure: Failure? {
            if case .failure(let failure) = self { failure } else { nil }
        }
    }

    enum Step {
        /// Begin an attempt at this executor; the pool has already counted the attempt.
        case attempt(ExecutorLease)
        /// Wait: the exchange has a position in the queue of a pool.
        case wait
        /// The retry budget, a limit on all retries of the process, allows no retry now: call `next` again soon, with
        /// the same cause.
        case waitForBudget
        /// Nothing is left to try: report this failure to the client.
        case report(Failure)
    }

    let pools: [ExecutorPool]
    private(set) var request: RoutingRequest
    private let limits: AdmissionLimits
    private let budget: RetryBudget
    private(set) var wait = ExecutorWait()
    private var allowance = AttemptAllowance()
    /// The index of the pool whose executor failed in the last attempt.
    private var failedPool = 0
    private var charges = PendingCharges()
    /// The failure of an attempt at an engine that does not serve the request's path; nil if there was none.
    ///
    /// The next attempt is made at an engine of another `kind`. If that attempt fails too, the client gets this
    /// failure, unless the later failure is the client's own fault.
    private(set) var missingPath: Failure?
    /// Whether `next` has reported that no executor of any pool has the path of the request.
    var isPathUnserved = false
    /// The exchange's position in a queue: the index of the pool, and the ticket; nil while the exchange is in no
    /// queue.
    private var queue: (pool: Int, ticket: QueueTicket)?
    /// The index of the pool in whose queue the exchange last waited without getting an executor.
    private var waitedFor = 0
    /// Whether the exchange is in a queue because a model is being loaded.
    private(set) var awaitsLoad = false
    /// Whether the attempt for which the exchange waits is a retry that must count in the retry budget once it begins.
    private var waitsForRetry = false
    /// Whether the retry budget, a limit on all retries of the process, counts a retry of this exchange now.
    private var holdsRetry = false
    /// The failure after which the exchange waits until the retry budget allows a retry; nil if the exchange does not
    /// wait for the retry budget.
    private(set) var postponed: Failure?

    /// Makes the selection for a request, and counts the request in the retry budget, which grows with the requests
    /// under way.
    ///
    /// - Parameter pools: The pool of the model, then the pools of its fallback models, in order.
    init(pools: [ExecutorPool], request: RoutingRequest, limits: AdmissionLimits, budget: RetryBudget) {
        self.pools = pools
        self.request = request
        self.request.usesBad = pools.count == 1
        self.limits = limits
        self.budget = budget
        budget.requestBegan()
    }

    /// How many attempts have begun.
    var attempts: Int { allowance.attempts }

    /// How much of `admission.max_wait` is left, in nanoseconds.
    func waitLeft(at now: Nanoseconds) -> Nanoseconds {
        let used = wait.total(at: now) - wait.totalForLoad(at: now)
        return used < limits.waitMax ? limits.waitMax - used : 0
    }

    /// How much longer the exchange may wait for a model to be loaded, in nanoseconds.
    func loadWaitLeft(at now: Nanoseconds) -> Nanoseconds {
        let used = wait.totalForLoad(at: now)
        return used < request.loadWait ? request.loadWait - used : 0
    }

    /// How long the next attempt may take until its answer is ready to be relayed; see `AttemptAllowance.answerTime`.
    func answerTime(total: Nanoseconds, at now: Nanoseconds) -> Nanoseconds {
        allowance.answerTime(total: total, waited: wait.totalForLoad(at: now))
    }

    // MARK: The next step

    /// Decides on the next step, and reserves what the step needs: an executor, a position in a queue, or a retry.
    ///
    /// - Parameter ended: If the step is `wait`, the pool calls this closure once, from any thread, when it ends the
    ///   wait. For other steps the closure is not called.
    mutating func next(
        after cause: Cause,
        at now: Nanoseconds,
        ended: @escaping @Sendable (WaitEnd) -> Void
    ) -> Step {
        leaveQueue()
        releaseRetry()
        postponed = nil
        let left = waitLeft(at: now)
        var situation = situation(after: cause, waitIsLeft: left > 0)
        var refused: Nanoseconds?
        // The index of the first pool whose executors are still loading the model.
        var loading: Int?
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
                case .executor(let executor, let placement):
                    return .attempt(take(executor, placement, of: pool, began: now, at: now))
                case .waiting(let ticket): return enterQueue(of: pool, ticket, at: now)
                case .refused(let retryAfter): refused = min(refused ?? .max, retryAfter)
                case .loading: loading = loading ?? pool
                case .none: break
                }
                situation.asked = pool + 1
                if situation.asked == situation.pools, refused == nil, !request.usesBad {
                    // No pool has a healthy executor, so the pools are asked again, now also for unhealthy executors.
                    request.usesBad = true
                    situation.asked = firstPool(after: cause)
                }
            case .waitForBudget:
                postponed = cause.failure
                wait.begin(at: now)
                return .waitForBudget
            case .report:
                if let loading, let step = awaitLoad(of: loading, after: cause, &refused, at: now, ended: ended) {
                    return step
                }
                wait.end(at: now)
                releaseRetry()
                charges.exchangeFailed(at: now)
                return .report(failure(after: cause, refused: refused, waitIsLeft: left > 0, at: now))
            }
        }
    }

    /// Puts the exchange in a pool's queue until the model is loaded, because no pool has given it an executor.
    ///
    /// If an executor of the pool has become ready in the meantime, the exchange gets that executor at once.
    ///
    /// - Parameter refused: The shortest of the times, in nanoseconds, after which the pools that have refused the
    ///   exchange expect that a new try may succeed; nil if no pool has refused it. This pool's time is included if
    ///   the pool refuses the exchange now, for example because its queue is full.
    /// - Returns: The next step; nil if the exchange may not wait any longer, or if the pool does not take it.
    private mutating func awaitLoad(
        of pool: Int,
        after cause: Cause,
        _ refused: inout Nanoseconds?,
        at now: Nanoseconds,
        ended: @escaping @Sendable (WaitEnd) -> Void
    ) -> Step? {
        let left = loadWaitLeft(at: now)
        switch cause {
        case .waitOver, .loadWaitOver: return nil
        case .arrival, .failure, .gaveWay: if left == 0 { return nil }
        }
        let admission = pools[pool].admit(
            request,
            returning: attempts > 0,
            waitMax: left,
            queueMax: limits.queueMax,
            awaitsLoad: true,
            at: now,
            ended: ended
        )
        switch admission {
        case .executor(let executor, let placement):
            return .attempt(take(executor, placement, of: pool, began: now, at: now))
        case .waiting(let ticket):
            awaitsLoad = true
            return enterQueue(of: pool, ticket, forLoad: true, at: now)
        case .refused(let retryAfter): refused = min(refused ?? .max, retryAfter)
        case .loading, .none: break
        }
        return nil
    }

    /// Whether an exchange that waits for a model to be loaded should ask all pools again.
    ///
    /// The result is true if another pool has an executor that is ready, or if the pool in whose queue the exchange
    /// waits has no executor any more that is ready or is loading the model.
    func shouldAskAgain(at now: Nanoseconds) -> Bool {
        guard awaitsLoad, let queue else { return false }
        if pools.indices.contains(where: { $0 != queue.pool && pools[$0].hasUsable(for: request, at: now) }) {
            return true
        }
        let waited = pools[queue.pool]
        return !waited.awaitsLoad(request, at: now) && !waited.hasUsable(for: request, at: now)
    }

    /// Turns the wait for a model to be loaded into a wait for a free slot, if the model is loaded now but all its
    /// executors are busy.
    ///
    /// The exchange keeps its position in the queue.
    ///
    /// - Returns: whether the exchange now waits for a free slot, for at most `waitLeft`.
    mutating func waitsForSlotNow(at now: Nanoseconds) -> Bool {
        guard awaitsLoad, let queue else { return false }
        let waited = pools[queue.pool]
        guard !waited.awaitsLoad(request, at: now), waited.hasUsable(for: request, at: now) else { return false }
        awaitsLoad = false
        wait.begin(forLoad: false, at: now)
        return true
    }

    /// Describes the exchange for `RetryPolicy`, before any pool is asked.
    ///
    /// If the next attempt would be a retry that the retry budget limits, this function counts the retry in the budget,
    /// unless the budget is used up.
    private mutating func situation(after cause: Cause, waitIsLeft: Bool) -> RetryPolicy.Situation {
        var situation = RetryPolicy.Situation(
            cause.ofPolicy,
            attemptsAreLeft: allowance.hasLeft(after: cause.failure),
            waitIsLeft: waitIsLeft,
            pools: pools.count,
            asked: firstPool(after: cause)
        )
        if situation.cause == .failure(.otherKind), request.path.isEmpty { situation.pools = failedPool + 1 }
        if case .failure(let retry) = situation.cause, retry.needsBudget, situation.attemptsAreLeft {
            situation.budgetHasRoom = budget.take()
            holdsRetry = situation.budgetHasRoom
        }
        return situation
    }

    /// Records the exchange's position in a pool's queue, and returns the step `wait`.
    ///
    /// The retry budget limits the retries that are under way. So it does not count the retry of an exchange that
    /// waits.
    private mutating func enterQueue(
        of pool: Int,
        _ ticket: QueueTicket,
        forLoad isForLoad: Bool = false,
        at now: Nanoseconds
    ) -> Step {
        queue = (pool, ticket)
        waitsForRetry = holdsRetry
        releaseRetry()
        wait.begin(forLoad: isForLoad, at: now)
        return .wait
    }

    /// The index of the first pool to ask.
    ///
    /// After a wait that has brought no executor, only the pools after the one in whose queue the exchange has waited
    /// are asked, because the earlier pools had no executor.
    ///
    /// `request.path` is empty if the path is served only because a model's setting `passthrough` names it. If an
    /// engine does not know such a path, an engine of another `kind` in the same pool is tried, because the path may
    /// have another meaning for other models.
    private func firstPool(after cause: Cause) -> Int {
        switch cause {
        case .waitOver, .loadWaitOver, .gaveWay: waitedFor + 1
        case .failure(let failure) where failure.retry == .otherKind && request.path.isEmpty: failedPool
        case .failure, .arrival: 0
        }
    }

    /// Takes the executor that a pool has granted to the waiting exchange.
    ///
    /// - Returns: nil if the exchange does not wait for that pool, because the grant arrived after it had left the
    ///   queue.
    mutating func granted(_ grant: Grant, at now: Nanoseconds) -> ExecutorLease? {
        guard let (pool, ticket) = queue, pools[pool] === grant.pool else { return nil }
        queue = nil
        awaitsLoad = false
        // The exchange may have left this queue and entered it again before this grant arrived. It then has a new
        // position in the queue, which it gives up here.
        pools[pool].leave(ticket)
        // A retry that has waited in a queue and got an executor begins even if the retry budget is used up now, and
        // counts in the budget.
        if waitsForRetry {
            budget.retryBegan()
            holdsRetry = true
        }
        return take(grant.executor, grant.placement, of: pool, began: grant.began, at: now)
    }

    /// Whether the exchange still waits in the queue of this pool, at the position that the ticket identifies.
    func stands(in waited: ExecutorPool, at position: QueueTicket) -> Bool {
        guard let (pool, ticket) = queue else { return false }
        return pools[pool] === waited && ticket == position
    }

    private mutating func take(
        _ executor: Executor,
        _ placement: Placement,
        of pool: Int,
        began: Nanoseconds,
        at now: Nanoseconds
    ) -> ExecutorLease {
        wait.end(at: now)
        allowance.attemptBegan()
        return ExecutorLease(executor: executor, placement: placement, pool: pools[pool], began: began)
    }

    // MARK: Results of attempts and the end

    /// Records an attempt that failed before its answer was ready to be relayed.
    ///
    /// The executor is not tried again, unless it was only busy, or the exchange may wait for it to load the model.
    mutating func failed(_ failed: FailedAttempt, at now: Nanoseconds) {
        var failed = failed
        if failed.failure.retry == .otherKind {
            failed.isPathRemembered = failed.executor.saidMissing(request.path, at: now)
        }
        failed.isLoading = failed.executor.awaitsLoad(for: request.loadWait, at: now)
        allowance.attemptFailed(failed)
        failed.pool.takeBack(request.prefix, failed.placement, of: failed.executor)
        failedPool = pools.firstIndex { $0 === failed.pool } ?? 0
        charges.add(failed.verdict, of: failed.executor, in: failed.pool)
        if failed.failure.retry == .otherKind { missingPath = failed.failure }
        let isOnlyBusy = failed.failure.charge == .busy && failed.failure.engineError?.isLoading != true
        if isOnlyBusy || failed.isLoading { return }
        request.tried.append(failed.executor.id)
        request.tried += failed.alike
    }

    /// Records that an executor answered with an error without reading the prompt, so its cache does not have the
    /// prompt.
    func wasNotComputed(at lease: ExecutorLease) {
        lease.pool.takeBack(request.prefix, lease.placement, of: lease.executor)
    }

    /// Records that an executor has answered the request.
    ///
    /// The answer shows that the request was not the cause of earlier failures. So these failures now count against the
    /// health of the executors that failed.
    mutating func answered(by executor: Executor, at now: Nanoseconds) {
        charges.requestAnswered(at: now)
        executor.answered(at: request.path, at: now)
    }

    /// Makes the retry budget no longer count the retry of this exchange, because the retry has an answer, has failed,
    /// or has to wait in a queue.
    ///
    /// Does nothing if the budget counts no retry of this exchange.
    mutating func releaseRetry() {
        guard holdsRetry else { return }
        holdsRetry = false
        budget.retryEnded()
    }

    /// Makes the pool in whose queue the exchange waits give its free slots to waiting requests.
    ///
    /// The exchange calls this regularly. No event reports that an executor may be used again after it has refused or
    /// failed requests.
    func pump(at now: Nanoseconds) {
        if let queue { pools[queue.pool].pump(at: now) }
    }

    /// Ends the wait: the exchange leaves its queue and accepts no executor any more.
    mutating func stopWaiting(at now: Nanoseconds) {
        leaveQueue()
        wait.end(at: now)
        postponed = nil
    }

    /// Ends the selection, because the exchange is over; its last attempt may still be under way.
    mutating func ended(at now: Nanoseconds) {
        stopWaiting(at: now)
        releaseRetry()
        charges.exchangeFailed(at: now)
        budget.requestEnded()
    }

    private mutating func leaveQueue() {
        awaitsLoad = false
        guard let (pool, ticket) = queue else { return }
        queue = nil
        waitedFor = pool
        // If the pool has just granted an executor, `Exchange.waitEnded` gives the executor back.
        pools[pool].leave(ticket)
    }
}
