// Waiting for an executor of a pool: who may wait, how long that will be, and who is next when a place comes free.
package import Transport

/// How long and how many may wait.
package struct AdmissionLimits: Sendable {
    package var waitMax: Nanoseconds
    package var queueMax: Int

    package init(waitMax: Nanoseconds, queueMax: Int) {
        self.waitMax = waitMax
        self.queueMax = queueMax
    }
}

/// An executor for somebody who has waited: its attempt is counted already.
package struct Grant: Sendable {
    package let executor: Executor
    let pool: ExecutorPool
    let promptBytes: Int

    /// Whoever it was for is gone: the next one has its turn.
    package func giveBack(at now: Nanoseconds) {
        executor.promptDone(bytes: promptBytes)
        pool.release(executor, at: now)
    }
}

package typealias QueueTicket = FairQueue<ExecutorPool.Waiting>.Ticket

extension ExecutorPool {
    package enum Admission: Sendable {
        /// Its attempt is counted.
        case executor(Executor)
        /// `grant` will be called with an executor, unless `leave` is.
        case waiting(QueueTicket)
        /// The queue is full, or the wait would be too long: worth trying again after this time.
        case refused(retryAfter: Nanoseconds)
        /// There is no executor that has not been tried.
        case none
    }

    /// Chooses an executor, or lets the request wait for one behind those who came before.
    ///
    /// - Parameters:
    ///   - again: it has been at an executor, and goes back to the head of its tenant's line.
    ///   - grant: called once, from any thread, with an executor whose attempt is counted.
    package func admit(
        tenant: String,
        promptBytes: Int,
        excluding tried: [Int] = [],
        again: Bool = false,
        limits: AdmissionLimits,
        at now: Nanoseconds,
        grant: @escaping @Sendable (Grant) -> Void
    ) -> Admission {
        state.withLock { state in
            // Nobody goes before those who wait, but who has had a turn.
            if state.queue.isEmpty || again {
                switch choose(excluding: tried, promptBytes: promptBytes, &state, at: now) {
                case .executor(let executor): return .executor(executor)
                case .none: return .none
                case .full: break
                }
            }
            if !again, let refusal = refusal(of: tenant, state, limits, at: now) { return refusal }
            let waiting = Waiting(tried: tried, promptBytes: promptBytes, grant: grant)
            let ticket = state.queue.push(waiting, tenant: tenant, cost: promptBytes, atHead: again)
            return .waiting(ticket)
        }
    }

    private func refusal(
        of tenant: String,
        _ state: State,
        _ limits: AdmissionLimits,
        at now: Nanoseconds
    ) -> Admission? {
        // All of them have asked to be left alone for longer than anybody may wait.
        let pause = state.load.map { $0.pause(at: now) }.min() ?? 0
        if pause > limits.waitMax { return .refused(retryAfter: pause) }
        let predicted = state.pace.wait(behind: state.queue.ahead(of: tenant))
        if state.queue.count >= limits.queueMax { return .refused(retryAfter: predicted ?? 1_000_000_000) }
        guard let predicted, predicted > limits.waitMax else { return nil }
        // Then the queue will have become short enough.
        return .refused(retryAfter: max(1_000_000_000, predicted - limits.waitMax))
    }

    /// The request waits no more.
    ///
    /// - Returns: false when its grant is on its way already: then that is to be given back.
    @discardableResult
    package func leave(_ ticket: QueueTicket) -> Bool {
        state.withLock { state in
            let left = state.queue.remove(ticket) != nil
            if state.queue.isEmpty { state.pace.idle() }
            return left
        }
    }

    /// An attempt is over: its place goes to who is next.
    package func release(_ executor: Executor, at now: Nanoseconds) {
        executor.attemptEnded()
        pump(at: now)
    }

    /// Gives the places that are free to those who wait.
    ///
    /// Also to be called from time to time while somebody waits: a pause ends, or an executor comes back, by itself.
    package func pump(at now: Nanoseconds) {
        let granted: [(waiting: Waiting, executor: Executor)] = state.withLock { state in
            var granted: [(Waiting, Executor)] = []
            while let next = state.queue.first {
                // One that has tried the free ones already does not hold up the others for long: it has a deadline.
                guard
                    case .executor(let executor) = choose(
                        excluding: next.tried,
                        promptBytes: next.promptBytes,
                        &state,
                        at: now
                    )
                else { break }
                _ = state.queue.pop()
                state.pace.granted(at: now)
                granted.append((next, executor))
            }
            if state.queue.isEmpty { state.pace.idle() }
            return granted
        }
        // Outside the lock: it posts to a mailbox.
        for (waiting, executor) in granted {
            waiting.grant(Grant(executor: executor, pool: self, promptBytes: waiting.promptBytes))
        }
    }

    /// How long one more of this tenant would wait, as places have come free so far; at least a second.
    package func predictedWait(of tenant: String) -> Nanoseconds {
        state.withLock { max(1_000_000_000, $0.pace.wait(behind: $0.queue.ahead(of: tenant)) ?? 0) }
    }

    package var waitingCount: Int { state.withLock { $0.queue.count } }
}
