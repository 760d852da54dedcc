// Chooses an executor for a request, waits for one if all are busy, and makes the attempts.
internal import Configuration
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Exchange {
    // MARK: 9. The executor, or a wait for one

    /// Asks `selection` what to do next, and does it: begins an attempt, waits, or reports a failure to the client.
    func proceed(after cause: ExecutorSelection.Cause) {
        switch selection?.next(after: cause, at: now, ended: environment.waitEnd(for: self)) {
        case .attempt(let lease): begin(lease)
        case .wait: wait()
        case .waitForBudget:
            deadlines.retry = now + Self.retryInterval
            wait()
        case .report(let failure):
            deadlines.clearWaiting()
            handle(.refused(selection?.isPathUnserved == true ? unserved(failure) : failure))
        case nil: handle(.refused(Failure(.noExecutor)))
        }
    }

    /// Returns the failure with a message that tells the client that no executor of the model serves the path of the
    /// request.
    private func unserved(_ failure: Failure) -> Failure {
        var failure = failure
        let path = request.map { String(decoding: $0.target.path, as: UTF8.self) } ?? ""
        let what = dialect == .other ? path : "the dialect '\(dialect.label)' (\(path))"
        failure.message = "No executor of the model '\(record.model ?? "")' serves \(what)."
        return failure
    }

    // MARK: 10. The attempt

    /// Begins an attempt at the executor that the selection has reserved.
    ///
    /// Reports `routed` to the state machine, whose action `startAttempt` then sends the request.
    private func begin(_ lease: ExecutorLease) {
        deadlines.clearWaiting()
        guard let row = record.row else { preconditionFailure("an executor for an exchange without a model") }
        let attempt = Attempt(
            lease,
            at: snapshot.target(of: lease.executor, in: lease.pool),
            dialect: dialect,
            choices: request?.scan?.choices ?? 1,
            row: row,
            environment: environment,
            account: stream.connection.account,
            owner: self
        )
        if dialect == .openAIChat, record.reasoning != .asIs { attempt.reasoning = record.reasoning }
        self.attempt = attempt
        handle(.routed)
    }

    /// The state machine's action `startAttempt`: calls `Attempt.start`, which adapts the body to the executor and
    /// sends the request.
    func startAttempt() {
        guard let attempt, let request else { return }
        if selection?.attempts == 1 {
            let waited = selection?.wait.total(at: now) ?? 0
            environment.metrics.requestHandedOver(since: record.bodyEnded + waited)
        }
        if phase == .waiting { attempt.sentHead = record.earlyHead }
        attempt.start(request, requestID: fields.requestID, priority: record.priority)
        deadlines.answer = now + (selection?.answerTime(total: answerTime(of: attempt), at: now) ?? 0)
        awaitAnswer()
        arm()
    }

    // MARK: While the exchange waits

    /// The interval at which a waiting exchange makes the pool check its queue, in nanoseconds.
    private static let pumpInterval: Nanoseconds = 250_000_000
    /// The interval at which an exchange asks again whether the retry budget allows another attempt, in nanoseconds.
    private static let retryInterval: Nanoseconds = 20_000_000

    /// Sets the deadlines that apply while the exchange waits, and reports the wait to the state machine.
    private func wait() {
        let awaitsLoad = selection?.awaitsLoad == true
        let left = awaitsLoad ? selection?.loadWaitLeft(at: now) : selection?.waitLeft(at: now)
        deadlines.queue = now + (left ?? 0)
        deadlines.pump = now + Self.pumpInterval
        deadlines.answer = .max
        // While the exchange waits in a queue, the edge sends no response head, so that it can still send an error
        // status if the wait fails. The wait for an engine that is loading the model may be long. So in this wait, the
        // edge sends a head with status 200 after `commit_after`, and then keep-alive bytes.
        let isHeadDue = awaitsLoad && record.earlyHead != .none && phase != .waiting && phase != .waitingInQueue
        deadlines.commit = isHeadDue ? record.bodyEnded + snapshot.limits.commitAfter : .max
        handle(.queued)
        arm()
    }

    /// Handles the end of a wait, which a pool has reported through the worker's mailbox.
    ///
    /// The exchange may have stopped waiting in the meantime.
    func waitEnded(_ end: WaitEnd) {
        switch end {
        case .granted(let grant):
            guard machine.isWaiting, let lease = selection?.granted(grant, at: now) else {
                // The exchange has ended or left the queue, so the slot at the executor is given back.
                grant.giveBack(at: now)
                return
            }
            begin(lease)
        case .gaveWay(let way):
            guard machine.isWaiting, selection?.stands(in: way.pool, at: way.ticket) == true else { return }
            proceed(after: .gaveWay(retryAfter: way.retryAfter))
        case .withoutExecutor(let end):
            guard machine.isWaiting, selection?.stands(in: end.pool, at: end.ticket) == true else { return }
            // The pool in which the exchange waited has no executor for it any more. The pool of a fallback model may
            // have one, so all pools are asked again.
            proceed(after: .arrival)
        }
    }

    /// The state machine's action `stopWaiting`: the exchange leaves its queue.
    func stopWaiting() {
        deadlines.clearWaiting()
        selection?.stopWaiting(at: now)
    }

    /// Acts on the deadlines of a waiting exchange that have passed.
    ///
    /// The deadline `queue` ends the wait in a queue. `pump` makes the pool look for a free executor again. `retry`
    /// makes the exchange ask again whether the retry budget allows a postponed retry.
    func waitingDeadlinesPassed() {
        if deadlines.take(\.pump, at: now), machine.isWaiting {
            deadlines.pump = now + Self.pumpInterval
            selection?.pump(at: now)
            if selection?.waitsForSlotNow(at: now) == true {
                deadlines.queue = now + (selection?.waitLeft(at: now) ?? 0)
            } else if selection?.shouldAskAgain(at: now) == true {
                proceed(after: .arrival)
                return
            }
        }
        guard let postponed = selection?.postponed else {
            guard deadlines.take(\.queue, at: now), machine.isWaiting else { return }
            proceed(after: selection?.awaitsLoad == true ? .loadWaitOver : .waitOver)
            return
        }
        let isOver = deadlines.take(\.queue, at: now)
        guard deadlines.take(\.retry, at: now) || isOver, machine.isWaiting else { return }
        proceed(after: .failure(postponed))
    }

    // MARK: Deadlines of the attempt

    /// Sets the deadline `commit`, after which the client gets status 200 and keep-alive bytes although the executor
    /// has not answered.
    private func awaitAnswer() {
        guard phase == .attempt, record.earlyHead != .none else { return }
        deadlines.commit = record.bodyEnded + snapshot.limits.commitAfter
    }

    /// Whether the edge sends a comment or a `ping` event to the client after it has relayed nothing of the answer for
    /// the time `keep_alive`.
    private var sendsComments: Bool { record.earlyHead == .eventStream && attempt?.answer.kind == .events }

    /// How long all attempts together may take until an answer is ready to be relayed, in nanoseconds.
    ///
    /// A stream gets one more second for each `bytesPerExtraSecond` bytes of the body, because an executor needs longer
    /// for a long prompt.
    private func answerTime(of attempt: Attempt) -> Nanoseconds {
        let timeouts = timeouts(of: attempt)
        guard record.wantsStream else { return timeouts.response }
        let length = request?.body?.count ?? 0
        return timeouts.firstEvent + Nanoseconds(length / Self.bytesPerExtraSecond) * 1_000_000_000
    }
    private static let bytesPerExtraSecond = 40_000

    /// The timeouts of the attempt's model, which may be a fallback of the model that the client named.
    private func timeouts(of attempt: Attempt) -> ModelTimeouts { snapshot.models[attempt.pool.modelIndex].timeouts }

    /// Ends the attempt because of a failure that the edge has found itself, such as a missed deadline.
    func attemptFailed(_ failure: Failure) {
        guard let attempt, machine.mayRetry else { return }
        attempt.giveUp(failure)
        self.attempt(attempt, failed: failure)
    }
}

// MARK: - AttemptOwner

extension Exchange: AttemptOwner {
    func attempt(_ attempt: Attempt, answersWith kind: AttemptAnswer.Kind) {
        switch kind {
        case .events where record.earlyHead != .json: break
        // The executor has sent the head of a JSON document, whose body may arrive slowly, so the deadline `commit`
        // stays set. When it passes, the edge sends the client an early head, and then keep-alive bytes. The early head
        // has the same status and content type as the executor's head.
        case .document where record.earlyHead == .json && attempt.announcesJSON: break
        case .none:
            awaitAnswer()
            arm()
        // When the deadline `commit` passes, the edge sends an early head with status 200 and the content type of a
        // stream or of JSON. The executor has now answered, and its answer may not fit that head, so the head must not
        // be sent any more.
        case .events, .document, .passing, .failure: deadlines.commit = .max
        }
    }

    func attemptIsReady(_ attempt: Attempt) {
        environment.metrics.answerHandedOver(since: now)
        if attempt.status < 400 {
            selection?.answered(by: attempt.executor, at: now)
        } else {
            selection?.wasNotComputed(at: attempt.lease)
        }
        selection?.releaseRetry()
        // `openWindow` runs when the edge sends the response head, and sets the read limit of the attempt that is then
        // under way. If the head was sent before this attempt began, this attempt does not have that limit yet.
        if memory.window.highWatermark > 0 { attempt.setReadLimit(memory.window.highWatermark) }
        let sendsComments = sendsComments
        handle(.answerReady)
        letGoOfRequest()
        deadlines.clear()
        deadlines.beginRelay(stall: timeouts(of: attempt).stall, at: now)
        if sendsComments { deadlines.keepAlive = now + snapshot.limits.keepAlive }
        // While the edge relays the answer, it checks that the client reads, even if only a few bytes wait for the
        // client.
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

    /// Pauses reading from the executor if too many bytes wait for the client.
    ///
    /// Called after each part of the answer that has been passed to the client's stream. The deadline `stall` does not
    /// run during a pause.
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
        let isOfKind = failure.retry == .otherKind && attempt.target.kind != .auto
        selection?.failed(
            FailedAttempt(
                executor: attempt.executor,
                pool: attempt.pool,
                placement: attempt.lease.placement,
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
