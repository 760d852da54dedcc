// The object that stands for one model at one engine: it counts the attempts, and knows the model's health and
// limits. All workers share it and its lock, so they use it a few times for each request, and never for each token.
internal import Synchronization
package import Transport

/// One model at one engine, with its attempts under way, its health and its limits.
///
/// An executor outlives configurations.
package final class Executor: Sendable {
    /// Identifies the executor in this process; never reused, and not an index.
    package let id: Int
    /// The engine that serves the model.
    package let engine: Engine
    /// The engine's name for the model.
    package let model: String
    /// The health of this model alone, and the limits that were learned from its refusals with status 429.
    ///
    /// Requests may go to the executor if its own health and limits allow it, and those of the engine allow it too.
    let availability = Availability()
    /// The paths that the executor has been found to lack, and the paths at which it has answered.
    let paths = PathMemory()
    /// The operator's order for this executor: to take no attempts, or to use another weight.
    let order = ExecutorOrder()
    private let attempts = Atomic<Int>(0)
    private let promptBytes = Atomic<Int>(0)
    /// The mirrors that publish `attempts` and `promptBytes` to other processes, while `engine.isShared` is true.
    private let attemptsMirror = CountMirror(), promptBytesMirror = CountMirror()

    /// Makes an executor that is healthy and has no attempts.
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

    /// Ends an ejection of this model, because an answered probe has just ended an ejection of the engine.
    ///
    /// The failures that ejected the model may have been caused by the engine.
    package func engineIsBack(at now: Nanoseconds) {
        guard availability.isEjected else { return }
        availability.change { health, _ in health.engineAnswers(wasLost: true, at: now) }
    }

    /// Whether one more attempt may begin, by the limits of the executor and of the engine.
    ///
    /// - Parameters:
    ///   - runningMax: the limit of the executor in one pool; nil for no limit other than the engine's.
    ///   - counted: 1 if the attempt that the caller asks about is already counted, otherwise 0.
    func takesMore(runningMax: Int?, counted: Int = 0, at now: Nanoseconds) -> Bool {
        let running = runningInAll - counted
        return running < runningMax ?? .max && availability.takesMore(running: running, at: now)
            && engine.takesMore(counted: counted, at: now)
    }

    /// How many attempts the executor takes at once, as learned from refusals with status 429; nil if no such limit
    /// applies.
    ///
    /// If no limit was learned from refusals of this model, the limit of its engine applies.
    package func learntLimit(at now: Nanoseconds) -> Int? {
        availability.learntLimit(at: now) ?? engine.availability.learntLimit(at: now)
    }

    /// How long no requests may be sent to the executor, in nanoseconds from now, because it or its engine has refused
    /// requests.
    package func pause(at now: Nanoseconds) -> Nanoseconds {
        max(engine.availability.pause(at: now), availability.pause(at: now))
    }

    /// Counts an attempt if the limits, the health and the operator's order allow one more; returns whether it was
    /// counted.
    ///
    /// The function checks and counts under the lock `engine.counting`, so that no other pool takes the same slot.
    ///
    /// - Parameters:
    ///   - runningMax: the limit of the executor in one pool; nil for no limit other than the engine's.
    ///   - evenIfBad: whether to use the executor although its health forbids it, because its pool has too few others.
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

    /// Counts an attempt that the limits allow; returns whether it was counted.
    ///
    /// Another process may take the same slot at the same moment. Each of the two processes publishes its attempt
    /// before it reads the count of the other process. So at least one of them sees that there is one attempt too many,
    /// and stops counting its own attempt. If both do so, the slot is free again, and both try once more.
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
    /// Stops counting a prompt, because the first event of its answer has arrived or the attempt has ended without an
    /// event.
    package func promptDone(bytes: Int) {
        promptBytes.wrappingSubtract(bytes, ordering: .relaxed)
        engine.promptDone(bytes: bytes)
        if engine.isShared { publish() }
    }
    /// Stops counting an attempt, because it has ended.
    ///
    /// `ExecutorPool.release` calls this function, and then serves requests that wait for the slot.
    func attemptEnded() {
        attempts.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        engine.attemptEnded()
        if engine.isShared { publish() }
    }

    // MARK: Other processes

    /// The number of attempts under way for this model, in all processes that share the count.
    var runningInAll: Int { engine.isShared ? running + attemptsMirror.others : running }
    /// The bytes of this model's prompts whose answers have not begun, in all processes that share the count.
    var waitingBytesInAll: Int { engine.isShared ? waitingBytes + promptBytesMirror.others : waitingBytes }

    private func publish() {
        attemptsMirror.publish(attempts)
        promptBytesMirror.publish(promptBytes)
        engine.publish()
    }

    /// Publishes the counts of this executor in `counts` from now on; called while the engine's counts are shared.
    ///
    /// - Parameter counts: nil if this process shares counts with no other process any more.
    package func share(in counts: SharedCounts?) {
        let name = "\(engine.sharedName)\0\(model)"
        engine.counting.withLock { _ in
            attemptsMirror.attach(counts?.row(for: name), attempts)
            promptBytesMirror.attach(counts?.row(for: name + "\0prompts"), promptBytes)
        }
    }
}
