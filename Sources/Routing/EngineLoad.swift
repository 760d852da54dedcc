// What engines say of their own load, and what follows from it for the choice of an executor.
internal import Synchronization
package import Transport

/// What an engine has said of its load at one time; a value that it has not said is nil.
package struct EngineLoad: Equatable, Sendable {
    /// The number of requests that the engine computes.
    package var running: Int?
    /// The number of requests that wait in the engine.
    package var waiting: Int?
    /// The part of the engine's cache that is in use, from 0 to 1.
    package var cacheUse: Double?
    /// How many tokens the engine's cache has room for.
    package var cacheTokens: Int?

    /// Makes a value in which the engine says nothing.
    package init() {}
}

/// The latest words of one engine on its load; all threads may read them without a lock.
///
/// They are never needed: without them, everything is as the counts of this process say.
package final class EngineWords: Sendable {
    /// For this time after the first words of an engine, its strangers count as work, in nanoseconds.
    static let coldTime: Nanoseconds = 30_000_000_000
    /// The largest number of requests and of tokens that is believed.
    private static let mostRequests = 1_000_000, mostTokens = 1 << 40

    /// The values of an `EngineLoad`, with the use of the cache in thousandths; -1 for a value that was not said.
    private let running = Atomic<Int>(-1), waiting = Atomic<Int>(-1), use = Atomic<Int>(-1), tokens = Atomic<Int>(-1)
    private let latestStrangers = Atomic<Int>(-1)
    /// When the engine first said something to this process; 0 if it never has.
    private let since = Atomic<Nanoseconds>(0)

    init() {}

    /// The latest words.
    package var load: EngineLoad {
        func said(_ value: Int) -> Int? { value < 0 ? nil : value }
        var load = EngineLoad()
        load.running = said(running.load(ordering: .relaxed))
        load.waiting = said(waiting.load(ordering: .relaxed))
        load.cacheUse = said(use.load(ordering: .relaxed)).map { Double($0) / 1000 }
        load.cacheTokens = cacheTokens
        return load
    }

    /// How many tokens the engine's cache has room for, as the engine says; nil if it does not.
    package var cacheTokens: Int? {
        let said = tokens.load(ordering: .relaxed)
        return said < 0 ? nil : said
    }

    /// The requests at an engine that no process of this server has sent there.
    struct Strangers: Equatable {
        /// How many there are.
        ///
        /// It is the smaller number of the last two words, because a request that has just begun or ended is counted
        /// here and not yet there, or the other way round.
        var count = 0
        /// As `count` while this process is new to the engine, and 0 afterwards.
        ///
        /// The attempts of a process that was started anew do not show yet how the load is spread over the engines.
        var whileNew = 0
    }

    /// Takes the engine's words; a size of the cache stays until another one is said.
    ///
    /// - Parameter own: the number of attempts at the engine that are known here.
    /// - Returns: the strangers; nil if the words are not about requests.
    func take(_ load: EngineLoad, own: Int, at now: Nanoseconds) -> Strangers? {
        if let said = load.cacheTokens, (1...Self.mostTokens).contains(said) { tokens.store(said, ordering: .relaxed) }
        guard load.running != nil || load.waiting != nil || load.cacheUse != nil else { return nil }
        func bounded(_ count: Int?) -> Int { count.map { min(max($0, 0), Self.mostRequests) } ?? -1 }
        let (running, waiting) = (bounded(load.running), bounded(load.waiting))
        self.running.store(running, ordering: .relaxed)
        self.waiting.store(waiting, ordering: .relaxed)
        use.store(load.cacheUse.map { Int(min(max($0, 0), 1) * 1000) } ?? -1, ordering: .relaxed)
        let found = max(0, max(running, 0) + max(waiting, 0) - own)
        let before = latestStrangers.exchange(found, ordering: .relaxed)
        let strangers = before < 0 ? found : min(found, before)
        if since.load(ordering: .relaxed) == 0 { since.store(max(now, 1), ordering: .relaxed) }
        let isCold = now < since.load(ordering: .relaxed) + Self.coldTime
        return Strangers(count: strangers, whileNew: isCold ? strangers : 0)
    }

    /// Forgets the load, because the engine does not say it any more or was lost.
    ///
    /// - Parameter forgetsSize: whether the size of the cache is forgotten too.
    func forget(forgetsSize: Bool) {
        running.store(-1, ordering: .relaxed)
        waiting.store(-1, ordering: .relaxed)
        use.store(-1, ordering: .relaxed)
        latestStrangers.store(-1, ordering: .relaxed)
        if forgetsSize { tokens.store(-1, ordering: .relaxed) }
    }
}

extension Engine {
    /// Takes what the engine says of its load.
    package func says(_ load: EngineLoad, at now: Nanoseconds) {
        if let found = words.take(load, own: runningInAll, at: now) { note(found) }
    }

    /// Forgets what the engine has said of its load, because it says nothing any more.
    package func saysNothing() {
        words.forget(forgetsSize: false)
        note(EngineWords.Strangers())
    }

    /// Forgets all that the engine has said of itself, because it was lost and may be another one when it comes back.
    package func forgetWords() {
        words.forget(forgetsSize: true)
        note(EngineWords.Strangers())
    }
}
