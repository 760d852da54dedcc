// The object that stands for one engine: it counts the attempts, and knows the engine's health and limits. All
// workers share it and take its lock, so they use it a few times for each request, and never for each token.
internal import Synchronization
package import Transport

/// What is behind one URL, a model server or a remote API, with all models that it serves.
///
/// An engine counts the attempts under way, has its own health, and has the limits that were learned from its refusals.
/// It also knows the pools whose requests wait for a slot, which is the room for one attempt. An engine outlives
/// configurations. All methods may be called from any thread.
package final class Engine: Sendable {
    /// Identifies the engine in this process; never reused, and not an index.
    package let id: Int
    /// The URL of the engine, for logs; with its address if each address of the host name is an engine of its own.
    package let name: String
    /// A number that tells this engine from the other engines with the same `name`.
    ///
    /// Such engines differ in their API keys or certificate authorities. A new engine gets the lowest number, from 0
    /// on, that none of the others has. The name and this number identify the engine in all processes of an upgrade.
    package let ordinal: Int
    /// The health of the engine as a whole, and the limits learned from its refusals; both decide whether requests may
    /// go to the engine.
    let availability = Availability()
    /// What the engine reports about its own load.
    package let words = EngineWords()
    /// How many requests at the engine come from other clients than this server.
    ///
    /// `newStrangerCount` is the same number in the first 30 s after the engine's first report to this process, and 0
    /// afterwards. Both numbers are copied here from `EngineWords.Strangers`, because they are read each time a pool
    /// chooses an executor.
    private let strangerCount = Atomic<Int>(0), newStrangerCount = Atomic<Int>(0)
    private let attempts = Atomic<Int>(0)
    private let promptBytes = Atomic<Int>(0)
    private let runningMost = Atomic<Int>(.max)
    /// Whether the engine's models share its capacity, and the value that the caller of `update` gives for this.
    ///
    /// `isCapacityShared` follows from `isCapacityGiven` and from the engine's software. It is stored because it is
    /// read each time a pool chooses an executor.
    private let isCapacityShared = Atomic<Bool>(false), isCapacityGiven = Atomic<Bool>(false)
    /// The raw values of `givenKind` and `foundKind`: the engine's software as the configuration says it, and as the
    /// engine's answers have shown it.
    private let kindGiven = Atomic<UInt8>(0), kindFound = Atomic<UInt8>(0)
    private let heardLast = Atomic<Nanoseconds>(0)
    private let servedLast = Atomic<Nanoseconds>(0)
    private let isUsageRefused = Atomic<Bool>(false)
    /// Whether a connection that the engine refuses may mean that the engine is still starting.
    ///
    /// The value is false once a predecessor process has passed its record of the engine's health to this process.
    let mayBeStarting = Atomic<Bool>(true)
    /// The lock that is held while the limits are checked and an attempt is counted, so that two pools never take the
    /// same slot.
    let counting = Lock(())
    /// Whether the other processes of an upgrade see the counts of this engine and its executors, and this process sees
    /// theirs.
    ///
    /// `share` changes the flag while it holds the lock `counting`.
    private let sharesCounts = Atomic<Bool>(false)
    /// The objects that copy `attempts` and `promptBytes` to a table that other processes read.
    private let attemptsMirror = CountMirror(), promptBytesMirror = CountMirror()

    private struct WaitingPools {
        var entries: [PoolEntry] = []
        /// The index of the pool that is served first when the next slot is freed.
        var turn = 0
    }
    private let waiting = Lock(WaitingPools())
    private let waitingCount = Atomic<Int>(0)

    /// Makes an engine that is healthy and has no attempts.
    ///
    /// - Parameters:
    ///   - ordinal: the number that tells this engine from the other engines with the same name.
    ///   - runningMax: the largest number of attempts at once over all models of the engine; nil for no limit.
    ///   - modelsShareCapacity: whether the models share the capacity of one machine; if false, the engine's software
    ///     decides.
    ///   - kind: the engine's software as the configuration gives it.
    package init(
        id: Int,
        name: String,
        ordinal: Int = 0,
        runningMax: Int? = nil,
        modelsShareCapacity: Bool = false,
        kind: EngineKind = .unknown
    ) {
        self.id = id
        self.name = name
        self.ordinal = ordinal
        update(runningMax: runningMax, modelsShareCapacity: modelsShareCapacity, kind: kind)
    }

    /// Applies the settings that a new configuration has for this engine.
    package func update(runningMax: Int?, modelsShareCapacity: Bool = false, kind: EngineKind = .unknown) {
        runningMost.store(runningMax ?? .max, ordering: .relaxed)
        kindGiven.store(kind.rawValue, ordering: .relaxed)
        isCapacityGiven.store(modelsShareCapacity, ordering: .relaxed)
        noteKind()
    }

    private func noteKind() {
        let isShared = isCapacityGiven.load(ordering: .relaxed) || kind.sharesCapacity
        isCapacityShared.store(isShared, ordering: .relaxed)
    }

    /// How many requests at the engine come from other clients than this server, as far as the engine's reports show.
    package var strangers: Int { strangerCount.load(ordering: .relaxed) }
    /// The value of `strangers` (the requests of other clients) in the first 30 s after the engine's first report to
    /// this process; 0 afterwards.
    var strangersWhileNew: Int { newStrangerCount.load(ordering: .relaxed) }
    func note(_ strangers: EngineWords.Strangers) {
        strangerCount.store(strangers.count, ordering: .relaxed)
        newStrangerCount.store(strangers.whileNew, ordering: .relaxed)
    }

    // MARK: Kind

    /// The engine's software that the configuration gives as `kind`; `unknown` for `kind: auto`.
    package var givenKind: EngineKind { EngineKind(rawValue: kindGiven.load(ordering: .relaxed)) ?? .unknown }
    /// The engine's software that its answers to the edge's questions have shown; `unknown` if they have not shown it.
    ///
    /// `EngineInquiry` asks the questions after the engine has passed a health probe.
    package var foundKind: EngineKind { EngineKind(rawValue: kindFound.load(ordering: .relaxed)) ?? .unknown }
    /// The engine's software that the configuration gives, or else the one that the engine's answers have shown.
    ///
    /// The value may change while the configuration is in force.
    package var kind: EngineKind { givenKind == .unknown ? foundKind : givenKind }

    /// Records which software the engine's answers have shown; `unknown` if they do not show it any more.
    ///
    /// The caller must then call `ExecutorPool.kindsChanged` for each pool that has an executor at this engine.
    package func found(_ kind: EngineKind) {
        kindFound.store(kind.rawValue, ordering: .relaxed)
        noteKind()
    }

    /// Whether all models of the engine share the capacity of one machine (`vllm`, `sglang`, `llama.cpp`).
    ///
    /// If this is true, the load, refusals and timeouts of one model limit requests for all models of the engine.
    /// Otherwise, as with remote APIs, they limit requests for that model only.
    package var modelsShareCapacity: Bool { isCapacityShared.load(ordering: .relaxed) }
    /// The largest number of attempts at once over all models of the engine; nil for no limit.
    package var runningMax: Int? {
        let most = runningMost.load(ordering: .relaxed)
        return most == .max ? nil : most
    }
    /// The number of attempts of this process under way at all executors of the engine, on all workers.
    package var running: Int { attempts.load(ordering: .sequentiallyConsistent) }
    /// The total size, in bytes, of this process's prompts that the engine has not begun to answer.
    package var waitingBytes: Int { promptBytes.load(ordering: .relaxed) }
    /// The health of the engine itself, without the faults of single models.
    package var health: ExecutorHealth.State { availability.state }

    /// When bytes from the engine last arrived, for any attempt or probe on any thread; 0 if none ever have.
    ///
    /// The time is in nanoseconds of the event loops' clock. The true time may be up to `heardStep` (100 ms) later.
    package var lastHeard: Nanoseconds { heardLast.load(ordering: .relaxed) }

    /// When bytes of an answer without an error last arrived, for any attempt; 0 if none ever have.
    ///
    /// The true time may be up to `heardStep` (100 ms) later.
    package var lastServed: Nanoseconds { servedLast.load(ordering: .relaxed) }

    /// Records that bytes of an answer without an error have arrived, or that the beginning of an answer has proved not
    /// to be an error.
    ///
    /// An attempt calls this function at most once in `heardStep` and not for each piece of its answer, because all
    /// workers share the value.
    package func served(at now: Nanoseconds) {
        guard now > lastServed else { return }
        servedLast.store(now, ordering: .relaxed)
    }

    /// Whether the engine has refused the request member `stream_options`, which old versions of engines do not know.
    package var refusesUsage: Bool { isUsageRefused.load(ordering: .relaxed) }

    /// Records that the engine has refused `stream_options`.
    ///
    /// Until this process ends, the edge does not add `stream_options` to requests for this engine any more.
    package func refuseUsage() { isUsageRefused.store(true, ordering: .relaxed) }

    /// The shortest time between two updates of `lastHeard`, in nanoseconds.
    package static let heardStep: Nanoseconds = 100_000_000

    /// Records that bytes from the engine have arrived.
    ///
    /// A call each time bytes arrive is cheap, because the time is stored at most once in each `heardStep`.
    package func heard(at now: Nanoseconds) {
        let last = lastHeard
        guard last == 0 || now >= last &+ Self.heardStep else { return }
        heardLast.store(now, ordering: .relaxed)
    }

    /// Whether the limits of the engine itself allow one more attempt.
    ///
    /// - Parameter counted: 1 if the attempt that the caller asks about is already counted, otherwise 0.
    func takesMore(counted: Int = 0, at now: Nanoseconds) -> Bool {
        let running = runningInAll - counted
        return running < runningMost.load(ordering: .relaxed) && availability.takesMore(running: running, at: now)
    }

    func attemptBegan(promptBytes bytes: Int) {
        attempts.wrappingAdd(1, ordering: .sequentiallyConsistent)
        promptBytes.wrappingAdd(bytes, ordering: .relaxed)
    }
    func promptDone(bytes: Int) { promptBytes.wrappingSubtract(bytes, ordering: .relaxed) }
    func attemptEnded() { attempts.wrappingSubtract(1, ordering: .sequentiallyConsistent) }

    // MARK: Other processes

    /// Whether the other processes of an upgrade see the counts of this engine and its executors.
    ///
    /// A thread that has changed a count then reads this property, and publishes the count if the property is true. The
    /// accesses are sequentially consistent. So either the thread publishes the change, or `share` sees the change.
    var isShared: Bool { sharesCounts.load(ordering: .sequentiallyConsistent) }
    /// The number of attempts under way at the engine, in this process and in the other processes of an upgrade.
    var runningInAll: Int { isShared ? running + attemptsMirror.others : running }
    /// The total size, in bytes, of the prompts that the engine has not begun to answer, in this process and in the
    /// other processes of an upgrade.
    var waitingBytesInAll: Int { isShared ? waitingBytes + promptBytesMirror.others : waitingBytes }

    /// Publishes the engine's counts to the other processes of an upgrade.
    ///
    /// The function is called after a count has changed, and only while `isShared` is true.
    func publish() {
        attemptsMirror.publish(attempts)
        promptBytesMirror.publish(promptBytes)
    }

    /// The name of the engine in tables that processes share; it differs even between engines with the same `name`.
    var sharedName: String { ordinal == 0 ? name : "\(name)\0\0\(ordinal)" }

    /// Publishes the counts of this engine in `counts` from now on, and compares limits with the sums over all
    /// processes.
    ///
    /// The function may be called while attempts begin and end on the workers. After the call, `counts` has the
    /// attempts that are under way, and each new attempt is published before it begins. `Executor.share` does the same
    /// for the executors of the engine.
    ///
    /// - Parameter counts: nil if this process shares counts with no other process any more.
    package func share(in counts: SharedCounts?) {
        counting.withLock { _ in
            if counts != nil { sharesCounts.store(true, ordering: .sequentiallyConsistent) }
            attemptsMirror.attach(counts?.row(for: sharedName), attempts)
            promptBytesMirror.attach(counts?.row(for: sharedName + "\0\0prompts"), promptBytes)
            if counts == nil { sharesCounts.store(false, ordering: .sequentiallyConsistent) }
        }
    }

    /// How often the engine has been ejected, for faults of its attempts or for failed probes.
    ///
    /// If the number has grown, the engine may have been restarted in the meantime, with an empty cache.
    var losses: Int { availability.ejections }

    /// Whether the probes have found the engine dead.
    ///
    /// Attempts that receive no bytes from a dead engine are given up.
    package var isDead: Bool { availability.isDead }
    /// Whether faults or probes have ejected the engine; a pool with too few other executors still uses it.
    package var isEjected: Bool { availability.isEjected }
    /// Why the engine was ejected last; without meaning while the engine is healthy.
    package var cause: ExecutorHealth.Cause { availability.cause }

    /// The latest time at which the engine's last byte can have arrived: `lastHeard` is up to `heardStep` too early.
    ///
    /// - Parameter watchedSince: when health probes of the engine began; the result is never earlier.
    package func heardAtMost(_ watchedSince: Nanoseconds) -> Nanoseconds {
        let last = lastHeard
        return last == 0 ? watchedSince : max(last + Self.heardStep, watchedSince)
    }

    /// Records the result of a health probe of the engine.
    ///
    /// - Parameters:
    ///   - rise: how many answered probes in a row end an ejection.
    ///   - fall: how many failed or timed out probes in a row eject the engine.
    ///   - watchedSince: when probing began; it counts as the time of the last byte if none has arrived since.
    package func report(
        _ probe: ExecutorHealth.Probe,
        rise: Int,
        fall: Int,
        watchedSince: Nanoseconds = 0,
        at now: Nanoseconds
    ) {
        let lastHeard = heardAtMost(watchedSince)
        availability.change { health, _ in
            health.probed(probe, at: now, rise: rise, fall: fall, lastHeard: lastHeard)
        }
    }

    /// Forgets what probes have found, because no configuration asks for probes of the engine any more.
    package func probesEnded(at now: Nanoseconds) {
        availability.change { health, _ in health.probesEnded() }
        pump(at: now)
    }

    /// Declares the engine dead if the last `fall` probes failed or timed out and no byte has come for
    /// `ExecutorHealth.silenceMax`.
    package func reportSilence(fall: Int, watchedSince: Nanoseconds = 0, at now: Nanoseconds) {
        let lastHeard = heardAtMost(watchedSince)
        availability.change { health, _ in health.silence(at: now, fall: fall, lastHeard: lastHeard) }
    }

    // MARK: Waiting

    /// Adds a pool, whose requests wait for a slot of this engine, to the pools that are notified of free slots.
    ///
    /// The caller must then look for a free slot once more, because the pool was not notified of slots that were freed
    /// before this call.
    func join(_ entry: PoolEntry) {
        waiting.withLock { $0.entries.append(entry) }
        waitingCount.wrappingAdd(1, ordering: .sequentiallyConsistent)
    }

    /// Removes a pool from the pools that are notified of free slots, because none of its requests waits any more.
    func leave(_ entry: PoolEntry) {
        waiting.withLock { waiting in
            guard let index = waiting.entries.firstIndex(where: { $0 === entry }) else { return }
            waiting.entries.remove(at: index)
            if index < waiting.turn { waiting.turn -= 1 }
            waitingCount.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        }
    }

    /// Gives the engine's free slots to waiting requests: one request of each pool in turn, until none can be served.
    package func pump(at now: Nanoseconds) {
        guard waitingCount.load(ordering: .sequentiallyConsistent) > 0 else { return }
        let entries = waiting.withLock { waiting in
            guard !waiting.entries.isEmpty else { return [PoolEntry]() }
            let start = waiting.turn % waiting.entries.count
            return Array(waiting.entries[start...] + waiting.entries[..<start])
        }
        var served = true
        while served {
            served = false
            for entry in entries where entry.serve(most: 1, at: now) {
                served = true
                passTurn(behind: entry)
            }
        }
    }

    private func passTurn(behind entry: PoolEntry) {
        waiting.withLock { waiting in
            // If the last waiting request of the pool was served, `leave` has already removed the pool from `entries`
            // and adjusted `turn`.
            guard let index = waiting.entries.firstIndex(where: { $0 === entry }) else { return }
            waiting.turn = index + 1
        }
    }
}
