// One executor, which is one model at one engine: the number of its attempts, its health and its limits. All workers
// share the object and its lock, so they use it a few times for each request, and never for each token.
internal import Synchronization
package import Transport

/// One model at one engine, with its attempts under way, its health and its limits.
///
/// The object stays in use when a new configuration is loaded.
package final class Executor: Sendable {
    /// The number of the executor, which no other executor of this process ever gets; not an index.
    package let id: Int
    /// The engine that serves the model.
    package let engine: Engine
    /// The name by which the engine knows the model.
    package let model: String
    /// The health of this model alone, and the limits that were learned from its refusals (errors such as status 429).
    ///
    /// Requests may go to the executor if its own health and limits allow it, and those of the engine allow it too.
    let availability = Availability()
    /// The request paths at which the executor has answered, and those that it does not have, as its responses have
    /// shown.
    let paths = PathMemory()
    /// The operator's command for this executor, such as to drain it (send it no new attempts) or to use another
    /// weight.
    let order = ExecutorOrder()
    private let attempts = Atomic<Int>(0)
    private let promptBytes = Atomic<Int>(0)
    /// Copies of `attempts` and `promptBytes` for the other server processes of an upgrade.
    ///
    /// The copies are kept up to date while `engine.isShared` is true.
    private let attemptsMirror = CountMirror(), promptBytesMirror = CountMirror()

    /// Makes an executor without attempts, whose health allows requests.
    package init(id: Int, engine: Engine, model: String) {
        self.id = id
        self.engine = engine
        self.model = model
    }

    /// The URL of the engine, for logs.
    package var name: String { engine.name }
    /// The number of attempts of this process under way for this model, on all workers.
    package var running: Int { attempts.load(ordering: .sequentiallyConsistent) }
    /// The bytes of this model's prompts whose answers have not begun yet, as a measure of the work that waits in the
    /// engine.
    package var waitingBytes: Int { promptBytes.load(ordering: .relaxed) }

    /// Whether a request may go to the executor, by the health of the engine and of the executor itself.
    func use(at now: Nanoseconds) -> ExecutorHealth.Use {
        switch (engine.availability.use(at: now), availability.use(at: now)) {
        case (.yes, .yes): .yes
        case (.no, _), (_, .no): .no
        default: .trial
        }
    }

    /// Ends the ejection of this model (its exclusion because of failures), because its engine answers health probes
    /// again.
    ///
    /// The engine was ejected too, so it may have caused the failures of the model.
    package func engineIsBack(at now: Nanoseconds) {
        guard availability.isEjected else { return }
        availability.change { health, _ in health.engineAnswers(wasLost: true, at: now) }
    }

    /// Whether the limits of the executor and of its engine allow one more attempt.
    ///
    /// - Parameters:
    ///   - runningMax: how many attempts at once the pool allows the executor; nil if the pool sets no limit.
    ///   - counted: 1 if the attempt that the caller asks about is already counted, otherwise 0.
    func takesMore(runningMax: Int?, counted: Int = 0, at now: Nanoseconds) -> Bool {
        let running = runningInAll - counted
        return running < runningMax ?? .max && availability.takesMore(running: running, at: now)
            && engine.takesMore(counted: counted, at: now)
    }

    /// How many attempts the executor accepts at once, as inferred from its refusals (errors such as status 429); nil
    /// if there is no such limit.
    ///
    /// If no such limit of this model applies at `now`, the function returns the engine's limit.
    package func learntLimit(at now: Nanoseconds) -> Int? {
        availability.learntLimit(at: now) ?? engine.availability.learntLimit(at: now)
    }

    /// How long no requests may be sent to the executor, in nanoseconds from now, because it or its engine has refused
    /// requests.
    package func pause(at now: Nanoseconds) -> Nanoseconds {
        max(engine.availability.pause(at: now), availability.pause(at: now))
    }

    /// Counts an attempt if the limits, the health and the operator's command (`order`) allow one more; returns whether
    /// it was counted.
    ///
    /// The function checks and counts under the lock `engine.counting`, so that no other pool takes the same slot.
    ///
    /// - Parameters:
    ///   - runningMax: how many attempts at once the pool allows the executor; nil if the pool sets no limit.
    ///   - evenIfBad: whether to use the executor although its health forbids it, because few executors of the pool are
    ///     healthy.
    func begin(promptBytes: Int, runningMax: Int?, evenIfBad: Bool, at now: Nanoseconds) -> Bool {
        engine.counting.withLock { _ in
            guard order.weight != 0, takesMore(runningMax: runningMax, at: now) else { return false }
            let use = use(at: now)
            guard use != .no || evenIfBad else { return false }
            guard count(promptBytes: promptBytes, runningMax: runningMax, at: now) else { return false }
            if use == .trial {
                engine.availability.beginTrial(at: now)
                availability.beginTrial(at: now)
            }
            return true
        }
    }

    /// Counts an attempt that the limits allow; returns false if another process has taken the last slot at the same
    /// moment.
    ///
    /// During an upgrade, several processes share the slots. Each process publishes its new attempt before it reads the
    /// counts of the others. So if two processes take the last slot at the same time, at least one of them sees one
    /// attempt too many, and stops counting its own. If both do so, the slot is free again, and both try again.
    private func count(promptBytes bytes: Int, runningMax: Int?, tries: Int = 3, at now: Nanoseconds) -> Bool {
        attemptBegan(promptBytes: bytes)
        guard engine.isShared else { return true }
        publish()
        if takesMore(runningMax: runningMax, counted: 1, at: now) { return true }
        promptDone(bytes: bytes)
        attemptEnded()
        guard tries > 1, takesMore(runningMax: runningMax, at: now) else { return false }
        return count(promptBytes: bytes, runningMax: runningMax, tries: tries - 1, at: now)
    }

    /// Counts an attempt and the bytes of its prompt.
    func attemptBegan(promptBytes bytes: Int) {
        attempts.wrappingAdd(1, ordering: .sequentiallyConsistent)
        promptBytes.wrappingAdd(bytes, ordering: .relaxed)
        engine.attemptBegan(promptBytes: bytes)
    }
    /// Stops counting the prompt of an attempt as waiting.
    ///
    /// Called once for each attempt that was counted: when its first outcome is reported, such as that the answer has
    /// begun, or else when the attempt ends or its slot is given back unused.
    package func promptDone(bytes: Int) {
        promptBytes.wrappingSubtract(bytes, ordering: .relaxed)
        engine.promptDone(bytes: bytes)
        if engine.isShared { publish() }
    }
    /// Stops counting an attempt, because it has ended.
    ///
    /// `ExecutorPool.release` calls this function, and then gives the free slot to a waiting request.
    func attemptEnded() {
        attempts.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        engine.attemptEnded()
        if engine.isShared { publish() }
    }

    // MARK: Other processes

    /// The number of attempts under way for this model, in all server processes that share their counts during an
    /// upgrade.
    var runningInAll: Int { engine.isShared ? running + attemptsMirror.others : running }
    /// The bytes of this model's prompts whose answers have not begun, in all server processes that share their counts.
    var waitingBytesInAll: Int { engine.isShared ? waitingBytes + promptBytesMirror.others : waitingBytes }

    private func publish() {
        attemptsMirror.publish(attempts)
        promptBytesMirror.publish(promptBytes)
        engine.publish()
    }

    /// From now on, publishes the counts of this executor in `counts`, where the other processes of an upgrade read
    /// them.
    ///
    /// The engine's own counts are published by `Engine.share`.
    ///
    /// - Parameter counts: the shared table; nil if this process shares counts with no other process any more.
    package func share(in counts: SharedCounts?) {
        let name = "\(engine.sharedName)\0\(model)"
        engine.counting.withLock { _ in
            attemptsMirror.attach(counts?.row(for: name), attempts)
            promptBytesMirror.attach(counts?.row(for: name + "\0prompts"), promptBytes)
        }
    }
}
