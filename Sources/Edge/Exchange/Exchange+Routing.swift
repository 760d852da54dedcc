// Which executor an exchange gets: at first, after a failure, or from the queue.
internal import Inference
internal import Routing
internal import Transport

extension Exchange {
    /// While somebody waits, what time alone frees (a pause that ends, an executor that is tried again) is looked for.
    private static let pumpInterval: Nanoseconds = 250_000_000
    /// Between two looks for room in the retry budget.
    private static let retryInterval: Nanoseconds = 20_000_000

    /// An executor, or a place in the queue, or a refusal.
    ///
    /// - Parameter again: it has been at an executor that was busy.
    func admitToPool(again: Bool = false) {
        let (mailbox, place, number) = (worker.grants, slot, number)
        let next = routing?.admit(limits: snapshot.admission, again: again, at: now) { grant in
            let isTaken = mailbox.post(.granted(place: place, number: number, grant))
            if !isTaken { grant.giveBack(at: Clock.monotonicNow()) }
        }
        switch next {
        case .executor(let executor):
            aim(at: executor)
            handle(.routed)
        case .waiting:
            record.waits(since: now)
            dues.queue = record.queueBegan + snapshot.admission.waitMax
            dues.pump = now + Self.pumpInterval
            handle(.queued)
            arm()
        case .refused(let wait):
            handle(.refused(Failure(.queueFull, waiting: wait)))
        case .some(.none), nil: handle(.refused(Failure(.noExecutor)))
        }
    }

    /// Its turn has come.
    ///
    /// - Returns: false when it waits no more: then the executor is given back.
    func granted(_ executor: Executor) -> Bool {
        guard machine.phase == .queued else { return false }
        leftQueue()
        routing?.take(executor)
        aim(at: executor)
        handle(.routed)
        return true
    }

    private func aim(at executor: Executor) {
        target = routing?.pool.map { snapshot.target(of: executor, in: $0) }
    }

    /// The wait is over, one way or the other.
    func leftQueue() {
        guard dues.queue != .max else { return }
        record.waited(until: now)
        dues.queue = .max
        dues.pump = .max
    }

    func queueDeadlinesPassed() {
        if dues.pump <= now {
            dues.pump = now + Self.pumpInterval
            routing?.pump(at: now)
        }
        guard dues.queue <= now else { return }
        let wait = routing?.predictedWait(of: record.tenant) ?? 1_000_000_000
        leftQueue()
        handle(.refused(Failure(.queueTimeout, waiting: wait)))
    }

    /// The attempt has failed: another executor tries, if none of this answer has been relayed and there is one.
    func attemptBroke(_ failure: Failure, sawError: Bool = false) {
        guard machine.mayRetry else {
            if failure.kind == .stall { routing?.reportStall(at: now) }
            handle(.executorBroke(failure, sawError: sawError))
            return
        }
        routing?.report(failure.outcome, at: now)
        record.failed(failure, at: now)
        countAttempt(Ending.place(of: failure))
        // The attempt's place is free before another is looked for.
        abortAttempt()
        retry(after: failure, sawError: sawError)
    }

    private func retry(after failure: Failure, sawError: Bool) {
        guard failure.retryCause != .none else {
            handle(.executorBroke(failure, sawError: sawError))
            return
        }
        guard routing?.mayRetry(failure.retryCause) == true else {
            // The others that try again at this moment come first; soon there is room.
            if postponed == nil { postponed = (failure, until: now + snapshot.admission.waitMax) }
            dues.retry = now + Self.retryInterval
            dues.answer = .max
            arm()
            return
        }
        postponed = nil
        if let executor = routing?.choose(at: now) {
            aim(at: executor)
            handle(.retried)
        } else if failure.status == 429, failure.kind == .executorError, mayWaitAgain(failure.retryAfter) {
            // All that there are were busy: back to the head of the queue.
            dues.answer = .max
            dues.commit = .max
            routing?.forgetTried()
            handle(.queued)
            admitToPool(again: true)
        } else {
            handle(.executorBroke(failure, sawError: sawError))
        }
    }

    func retryDeadlinePassed() {
        guard dues.retry <= now else { return }
        dues.retry = .max
        guard machine.mayRetry, let (failure, until) = postponed else { return }
        if now < until {
            retry(after: failure, sawError: false)
        } else {
            handle(.executorBroke(failure, sawError: false))
        }
    }

    /// `max_wait` is for the whole exchange, and a 429 of ours is always a status.
    ///
    /// - Parameter seconds: before which the executor takes nothing: if that is too late, the client is told so now.
    private func mayWaitAgain(_ seconds: Int?) -> Bool {
        guard machine.phase == .attempt, snapshot.admission.waitMax > 0 else { return false }
        let due = (record.queueBegan == 0 ? now : record.queueBegan) + snapshot.admission.waitMax
        return now + Nanoseconds(seconds ?? 0) * 1_000_000_000 < due
    }
}

extension Failure {
    /// A refusal that is worth trying again after this time.
    init(_ kind: Kind, waiting wait: Nanoseconds) {
        self.init(kind, retryAfter: Int((wait + 999_999_999) / 1_000_000_000))
        retryAfterMs = Int(wait / 1_000_000)
    }

    /// What the failure of an attempt says of its executor.
    var outcome: ExecutorPool.Outcome {
        if kind == .executorError, status == 429 {
            return .busy(retryAfter.map { Nanoseconds($0) * 1_000_000_000 })
        }
        guard isExecutorsFault else { return .neither }
        return .fault(faultScope)
    }

    private var faultScope: FaultScope {
        switch kind {
        case .executorError: .answer
        case .firstEventTimeout, .responseTimeout, .stall: .timeout
        default: .connection
        }
    }
}
