// What engines report about their own load, and what follows from it for the choice of an executor.
internal import Synchronization
package import Transport

/// What an engine has reported about its load at one time; a value that it has not reported is nil.
package struct EngineLoad: Equatable, Sendable {
    /// The number of requests that the engine computes.
    package var running: Int?
    /// The number of requests that wait in the engine.
    package var waiting: Int?
    /// The part of the engine's cache that is in use, from 0 to 1.
    package var cacheUse: Double?
    /// How many tokens the engine's cache has room for.
    package var cacheTokens: Int?

    /// Makes a report without any value.
    package init() {}
}

/// The latest report of one engine about its own load; all threads may read it without a lock.
///
/// An engine need not report its load. Without a report, a pool knows the engine's load only from the attempts that
/// this server counts.
package final class EngineWords: Sendable {
    /// How long a pool counts requests that other programs send to an engine as load of that engine, in nanoseconds.
    ///
    /// The time begins with the engine's first report to this process. The pool uses this load when it chooses an
    /// executor, because the process itself has begun too few attempts in this time to know which engines are busy.
    static let coldTime: Nanoseconds = 30_000_000_000
    /// The largest numbers of requests and of tokens that are stored from a report.
    ///
    /// A larger number of requests is cut to `mostRequests`. A larger number of tokens is ignored.
    private static let mostRequests = 1_000_000, mostTokens = 1 << 40

    /// The values of an `EngineLoad`, with the use of the cache in thousandths; -1 for a value that was not reported.
    private let running = Atomic<Int>(-1), waiting = Atomic<Int>(-1), use = Atomic<Int>(-1), tokens = Atomic<Int>(-1)
    private let latestStrangers = Atomic<Int>(-1)
    /// When this process got the first report of the engine; 0 if it has not got any.
    private let since = Atomic<Nanoseconds>(0)

    init() {}

    /// The latest report.
    package var load: EngineLoad {
        func said(_ value: Int) -> Int? { value < 0 ? nil : value }
        var load = EngineLoad()
        load.running = said(running.load(ordering: .relaxed))
        load.waiting = said(waiting.load(ordering: .relaxed))
        load.cacheUse = said(use.load(ordering: .relaxed)).map { Double($0) / 1000 }
        load.cacheTokens = cacheTokens
        return load
    }

    /// How many tokens the engine's cache has room for; nil if the engine does not report it.
    package var cacheTokens: Int? {
        let said = tokens.load(ordering: .relaxed)
        return said < 0 ? nil : said
    }

    /// The strangers: the requests at an engine that no process of this server has sent there.
    struct Strangers: Equatable {
        /// The number of requests at the engine that no process of this server has sent there.
        ///
        /// For each report, the edge subtracts the attempts of all its processes from the requests at the engine. It
        /// uses the smaller result of the last two reports. A request that has just begun or ended may be missing in
        /// one of the two counts, so that a single report shows a request of others that does not exist.
        var count = 0
        /// The same number as `count` in the first 30 s after the engine's first report to this process; 0 afterwards.
        ///
        /// In these 30 s, a pool counts strangers as load when it chooses an executor. The process itself has begun too
        /// few attempts in this time to know which engines are busy.
        var whileNew = 0
    }

    /// Stores a report of the engine about its load; if it has no cache size, the last reported size stays.
    ///
    /// - Parameter own: the number of attempts under way at the engine, in all processes of this server.
    /// - Returns: the number of requests at the engine that no process of this server has sent; nil if the report has
    ///   neither numbers of requests nor the use of the cache.
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

    /// Forgets the reported load, because the engine does not report it any more, refused a connection or was ejected.
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
    /// Stores what the engine has reported about its load, and how many of its requests come from other clients than
    /// this server.
    package func says(_ load: EngineLoad, at now: Nanoseconds) {
        if let found = words.take(load, own: runningInAll, at: now) { note(found) }
    }

    /// Forgets what the engine has reported about its load, because it does not report it any more.
    package func saysNothing() {
        words.forget(forgetsSize: false)
        note(EngineWords.Strangers())
    }

    /// Forgets all that the engine has reported, because it refused a connection or was ejected.
    ///
    /// Another engine may now run at its URL.
    package func forgetWords() {
        words.forget(forgetsSize: true)
        note(EngineWords.Strangers())
    }
}
