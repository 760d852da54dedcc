// One model server, as all workers count it: what is behind one URL. Called a few times a request, never once a token.
internal import Synchronization
package import Transport

/// What is behind one URL, however many models are asked of it.
///
/// It counts the attempts under way, has the health of the server itself and the limits learnt from its refusals, and
/// knows which pools have requests that wait for a slot at it. It outlives configurations; all methods may be called
/// from any thread.
package final class Engine: Sendable {
    /// Identifies the engine in this process; never reused, and not an index.
    package let id: Int
    /// The URL of the engine, for logs.
    package let name: String
    /// Whether requests may go to it: what failed connections, probes and (where its models share it) refusals show.
    let availability = Availability()
    private let attempts = Atomic<Int>(0)
    private let promptBytes = Atomic<Int>(0)
    private let runningMost = Atomic<Int>(.max)
    private let isShared = Atomic<Bool>(false)
    private let heardLast = Atomic<Nanoseconds>(0)
    private let servedLast = Atomic<Nanoseconds>(0)
    private let isUsageRefused = Atomic<Bool>(false)
    /// Held while a slot is looked for and taken, so that two pools never take the same one.
    let counting = Lock(())

    private struct WaitingPools {
        var entries: [PoolEntry] = []
        /// The index of the pool that is served first when the next slot is freed.
        var turn = 0
    }
    private let waiting = Lock(WaitingPools())
    private let waitingCount = Atomic<Int>(0)

    /// - Parameters:
    ///   - runningMax: attempts at once over all its models; nil for no limit.
    ///   - modelsShareCapacity: whether its models share one machine's capacity, see `modelsShareCapacity`.
    package init(id: Int, name: String, runningMax: Int? = nil, modelsShareCapacity: Bool = false) {
        self.id = id
        self.name = name
        update(runningMax: runningMax, modelsShareCapacity: modelsShareCapacity)
    }

    /// Applies the settings that a new configuration has for this engine.
    package func update(runningMax: Int?, modelsShareCapacity: Bool) {
        runningMost.store(runningMax ?? .max, ordering: .relaxed)
        isShared.store(modelsShareCapacity, ordering: .relaxed)
    }

    /// Whether one model's requests take capacity from the others (`vllm`, `sglang`, `llama.cpp`).
    ///
    /// Then load, refusals and timeouts are the engine's; else (remote APIs) they are each executor's own.
    package var modelsShareCapacity: Bool { isShared.load(ordering: .relaxed) }
    /// Attempts at once over all its models; nil for no limit.
    package var runningMax: Int? {
        let most = runningMost.load(ordering: .relaxed)
        return most == .max ? nil : most
    }
    /// Attempts under way at all its executors, on all workers.
    package var running: Int { attempts.load(ordering: .sequentiallyConsistent) }
    /// The bytes of all prompts at its executors that are still without the first event of their answer.
    package var waitingBytes: Int { promptBytes.load(ordering: .relaxed) }
    /// The health of the server itself, whatever its models answer.
    package var health: ExecutorHealth.State { availability.state }

    /// When bytes of the engine arrived last, on any attempt or probe of any thread; 0 if none ever have.
    ///
    /// In nanoseconds of the loops' clock, and up to `heardStep` too early.
    package var lastHeard: Nanoseconds { heardLast.load(ordering: .relaxed) }

    /// When bytes of a good answer arrived last, on any attempt; as exact as `lastHeard`, and 0 if none ever have.
    package var lastServed: Nanoseconds { servedLast.load(ordering: .relaxed) }

    /// Bytes of a good answer have arrived, or its beginning is known to be good; to be called seldom.
    package func served(at now: Nanoseconds) {
        guard now > lastServed else { return }
        servedLast.store(now, ordering: .relaxed)
    }

    /// Whether the engine has refused `stream_options`, which old versions of engines do not know.
    package var refusesUsage: Bool { isUsageRefused.load(ordering: .relaxed) }

    /// It has refused `stream_options`: as long as this process lives, only clients ask it for the usage of a stream.
    package func refuseUsage() { isUsageRefused.store(true, ordering: .relaxed) }

    /// The resolution of `lastHeard`, in nanoseconds.
    package static let heardStep: Nanoseconds = 100_000_000

    /// Records that bytes from the engine have arrived.
    ///
    /// Cheap enough to be called for all bytes: it stores nothing within `heardStep` of the last call that did.
    package func heard(at now: Nanoseconds) {
        let last = lastHeard
        guard last == 0 || now >= last &+ Self.heardStep else { return }
        heardLast.store(now, ordering: .relaxed)
    }

    /// Whether one more attempt may begin, as far as its own limits say.
    func takesMore(at now: Nanoseconds) -> Bool {
        let running = running
        return running < runningMost.load(ordering: .relaxed) && availability.takesMore(running: running, at: now)
    }

    func attemptBegan(promptBytes bytes: Int) {
        attempts.wrappingAdd(1, ordering: .sequentiallyConsistent)
        promptBytes.wrappingAdd(bytes, ordering: .relaxed)
    }
    func promptDone(bytes: Int) { promptBytes.wrappingSubtract(bytes, ordering: .relaxed) }
    func attemptEnded() { attempts.wrappingSubtract(1, ordering: .sequentiallyConsistent) }

    /// Whether its probes say that nobody serves there: attempts at it from which nothing comes are lost.
    package var isDead: Bool { availability.isDead }
    /// Whether faults or probes have shown that requests should go elsewhere, whatever its pools can do without.
    package var isEjected: Bool { availability.isEjected }
    /// Why the engine was ejected last; meaningless while it is healthy.
    package var cause: ExecutorHealth.Cause { availability.cause }

    /// The latest moment at which a byte may have arrived, since `lastHeard` may be early: no attempt was heard later.
    ///
    /// - Parameter watchedSince: in its place where none has arrived since then.
    package func heardAtMost(_ watchedSince: Nanoseconds) -> Nanoseconds {
        let last = lastHeard
        return last == 0 ? watchedSince : max(last + Self.heardStep, watchedSince)
    }

    /// Records whether a probe has been answered.
    ///
    /// - Parameters:
    ///   - rise: probes in a row that end an ejection.
    ///   - fall: lost probes in a row that eject.
    ///   - watchedSince: the begin of the probing, in place of a byte where none has been heard.
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

    /// Finds an engine dead whose probes have been lost before and from which no byte has come for long enough.
    package func reportSilence(fall: Int, watchedSince: Nanoseconds = 0, at now: Nanoseconds) {
        let lastHeard = heardAtMost(watchedSince)
        availability.change { health, _ in health.silence(at: now, fall: fall, lastHeard: lastHeard) }
    }

    // MARK: Waiting

    /// Adds a pool that has requests which wait for a slot here.
    ///
    /// The caller has to look for a slot once more afterwards: one that was freed before was not announced to this
    /// pool.
    func join(_ entry: PoolEntry) {
        waiting.withLock { $0.entries.append(entry) }
        waitingCount.wrappingAdd(1, ordering: .sequentiallyConsistent)
    }

    /// Removes a pool, since none of its requests waits any more.
    func leave(_ entry: PoolEntry) {
        waiting.withLock { waiting in
            guard let index = waiting.entries.firstIndex(where: { $0 === entry }) else { return }
            waiting.entries.remove(at: index)
            if index < waiting.turn { waiting.turn -= 1 }
            waitingCount.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        }
    }

    /// Serves waiting requests after a slot may have been freed: one request of each pool by turns.
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
            // A pool without waiting requests has left, and its successor has its index.
            guard let index = waiting.entries.firstIndex(where: { $0 === entry }) else { return }
            waiting.turn = index + 1
        }
    }
}
