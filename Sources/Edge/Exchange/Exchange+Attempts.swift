// Finding executors for an exchange, waiting for them, and what its attempts come to.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Exchange {
    /// How often the queue is looked at while the exchange waits.
    private static let pumpInterval: Nanoseconds = 250_000_000
    /// How often the exchange looks for room in the retry budget.
    private static let retryInterval: Nanoseconds = 20_000_000

    // MARK: The next executor

    /// Carries out what `RetryPolicy` says: the next attempt, a wait, or an answer to the client.
    func proceed(after cause: ExecutorSelection.Cause) {
        switch selection?.next(after: cause, at: now, ended: environment.waitEnd(for: self)) {
        case .attempt(let lease): begin(lease)
        case .wait: wait()
        case .waitForBudget:
            deadlines.retry = now + Self.retryInterval
            wait()
        case .tell(let failure):
            deadlines.clearWaiting()
            handle(.refused(failure))
        case nil: handle(.refused(Failure(.noExecutor)))
        }
    }

    private func wait() {
        deadlines.queue = now + (selection?.waitLeft(at: now) ?? 0)
        deadlines.pump = now + Self.pumpInterval
        deadlines.answer = .max
        // A refusal of ours is a status as long as the client has none.
        deadlines.commit = .max
        handle(.queued)
        arm()
    }

    /// A pool has ended the wait of this exchange.
    func waitEnded(_ end: WaitEnd) {
        switch end {
        case .granted(let grant):
            guard machine.isWaiting, let lease = selection?.granted(grant, at: now) else {
                // It waits no more.
                grant.giveBack(at: now)
                return
            }
            begin(lease)
        case .gaveWay(let way):
            guard machine.isWaiting, selection?.stands(at: way) == true else { return }
            proceed(after: .gaveWay(retryAfter: way.retryAfter))
        }
    }

    func stopWaiting() {
        deadlines.clearWaiting()
        selection?.stopWaiting(at: now)
    }

    /// `.queue`, `.pump` and `.retry` of the deadlines.
    func waitingDeadlinesPassed() {
        if deadlines.take(\.pump, at: now), machine.isWaiting {
            deadlines.pump = now + Self.pumpInterval
            selection?.pump(at: now)
        }
        guard let postponed = selection?.postponed else {
            if deadlines.take(\.queue, at: now), machine.isWaiting { proceed(after: .waitOver) }
            return
        }
        let isOver = deadlines.take(\.queue, at: now)
        guard deadlines.take(\.retry, at: now) || isOver, machine.isWaiting else { return }
        proceed(after: .failure(postponed))
    }

    // MARK: An attempt

    private func begin(_ lease: ExecutorLease) {
        deadlines.clearWaiting()
        guard let row = record.row else { preconditionFailure("an executor for an exchange without a model") }
        attempt = Attempt(
            lease,
            at: snapshot.target(of: lease.executor, in: lease.pool),
            dialect: dialect,
            choices: request?.scan?.choices ?? 1,
            row: row,
            environment: environment,
            account: stream.connection.account,
            owner: self
        )
        handle(.routed)
    }

    /// The machine's action.
    func startAttempt() {
        guard let attempt, let request else { return }
        if selection?.attempts == 1 {
            let waited = selection?.wait.total(at: now) ?? 0
            environment.metrics.requestHandedOver(since: record.bodyEnded + waited)
        }
        attempt.relaysEventsOnly = phase == .waiting
        attempt.start(request, requestID: fields.requestID)
        deadlines.answer = now + (selection?.answerTime(total: answerTime(of: attempt)) ?? 0)
        awaitAnswer()
        arm()
    }

    /// From now on the client may be told that its answer takes long.
    private func awaitAnswer() {
        guard phase == .attempt, mayComment else { return }
        deadlines.commit = record.bodyEnded + snapshot.limits.commitAfter
    }

    /// Whether the client may be sent comments: before the first event, which takes a commit, and between two events.
    private var mayComment: Bool {
        guard let request else { return false }
        return record.wantsStream && dialect.hasComments && !FieldPolicy.wantsSilence(request.head.fields)
    }

    /// Whether comments follow each `keep_alive` of silence in the midst of the answer.
    private var sendsComments: Bool { mayComment && attempt?.kind == .events }

    /// How long all attempts may take until an answer is ready: a large prompt takes an executor longer to read.
    private func answerTime(of attempt: Attempt) -> Nanoseconds {
        let timeouts = timeouts(of: attempt)
        guard record.wantsStream else { return timeouts.response }
        let length = request?.body?.count ?? 0
        return timeouts.firstEvent + Nanoseconds(length / Self.bytesPerExtraSecond) * 1_000_000_000
    }
    private static let bytesPerExtraSecond = 40_000

    /// Those of the model that is asked: the one that the client has named, or one that it falls back on.
    private func timeouts(of attempt: Attempt) -> ModelTimeouts { snapshot.models[attempt.pool.place].timeouts }

    /// The exchange itself finds that the attempt has failed.
    func attemptFailed(_ failure: Failure) {
        guard let attempt, machine.mayRetry else { return }
        attempt.giveUp(failure)
        self.attempt(attempt, failed: failure)
    }
}

// MARK: - AttemptOwner

extension Exchange: AttemptOwner {
    func attempt(_ attempt: Attempt, answersWith kind: Attempt.AnswerKind) {
        switch kind {
        case .events: break
        case .none:
            awaitAnswer()
            arm()
        // A status is on its way: nothing is to be committed before it.
        case .document, .passing, .failure: deadlines.commit = .max
        }
    }

    func attemptIsReady(_ attempt: Attempt) {
        environment.metrics.answerHandedOver(since: now)
        if attempt.status < 400 { selection?.answered(at: now) }
        selection?.letGoOfRetry()
        // A silent commit may have been made before this attempt had a connection.
        if memory.window.highWatermark > 0 { attempt.setReadLimit(memory.window.highWatermark) }
        let sendsComments = sendsComments
        handle(.answerReady)
        letGoOfRequest()
        deadlines.clear()
        deadlines.beginRelay(stall: timeouts(of: attempt).stall, at: now)
        if sendsComments { deadlines.keepAlive = now + snapshot.limits.keepAlive }
        // From here on, not only when much waits: a little may wait for long, too.
        watchClient()
    }

    func attempt(_ attempt: Attempt, relays bytes: Span<UInt8>) {
        stream.send(bytes)
        relayed()
    }

    func attempt(_ attempt: Attempt, relays document: SharedBytes) {
        stream.send(document)
        relayed()
    }

    /// A part of the answer waits for the client: the executor is paused where it is too much.
    ///
    /// While it is paused no stall of the executor's is counted, also not by what it had sent before.
    private func relayed() {
        if memory.window.pauses(at: stream.buffered), phase == .relay {
            attempt?.setReading(false)
            watchClient()
        }
        deadlines.relayed(isPaused: memory.window.isPaused, at: now)
    }

    func attempt(_ attempt: Attempt, ended end: Attempt.End) {
        switch end {
        case .whole: handle(.complete)
        case .brokeOff(let failure): handle(.executorBroke(failure))
        }
    }

    func attempt(_ attempt: Attempt, failed failure: Failure) {
        guard machine.mayRetry else { return }
        record.failed(attempt, at: now)
        deadlines.answer = .max
        let isOfKind = failure.retry == .otherKind
        selection?.failed(
            ExecutorSelection.Failed(
                executor: attempt.executor,
                pool: attempt.pool,
                failure: failure,
                verdict: attempt.verdict,
                duration: now &- attempt.times.began,
                hadRequest: attempt.hasRequest,
                alike: isOfKind ? snapshot.executors(like: attempt.executor, in: attempt.pool).map(\.id) : []
            ),
            at: now
        )
        proceed(after: .failure(failure))
    }
}
