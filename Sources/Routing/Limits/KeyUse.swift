// Counts how much of its limits an API key has used, over all workers.
internal import Synchronization
package import Transport

/// The limits of a key.
///
/// A limit that is nil does not restrict the key. Only for `prefillResets`, nil stands for the limit of the
/// configuration.
package struct KeyLimits: Equatable, Sendable {
    /// The largest number of exchanges that may be under way at once.
    package var concurrency: Int?
    /// The largest number of requests that may begin in a minute.
    package var requestsPerMinute: Int?
    /// The largest number of tokens in a minute, in prompts and answers together.
    package var tokensPerMinute: Int?
    /// The largest number of requests in a minute that clients may give up before their answers begin
    /// (`ResetBucket`); nil for the limit of the configuration, `limits.prefill_resets`.
    package var prefillResets: Int?

    /// Makes limits; each limit is nil or at least 1.
    package init(
        concurrency: Int? = nil,
        requestsPerMinute: Int? = nil,
        tokensPerMinute: Int? = nil,
        prefillResets: Int? = nil
    ) {
        self.concurrency = concurrency
        self.requestsPerMinute = requestsPerMinute
        self.tokensPerMinute = tokensPerMinute
        self.prefillResets = prefillResets
    }

    /// The limits that are not nil, with their names in a key file.
    package var named: [(name: String, count: Int)] {
        let all = [
            ("concurrency", concurrency), ("requests_per_minute", requestsPerMinute),
            ("tokens_per_minute", tokensPerMinute), ("prefill_resets", prefillResets),
        ]
        return all.compactMap { name, count in count.map { (name, $0) } }
    }
}

/// Counts how much of its limits one API key has used in this process.
///
/// Each key has one object while the key is in force and for some time afterwards (`KeyRing.Departed`). The object
/// outlives configurations. Workers call the object a few times for each request, and never for each token.
package final class KeyUse: Quota {
    private struct State {
        var running = 0
        var requests = TokenBucket()
        var tokens = TokenBucket()
        /// The limits of the latest request; nil before the first request.
        var limits: KeyLimits?
        /// What the key has used since this process last reported it to the main process, which has replaced this
        /// process in an upgrade.
        ///
        /// The value is nil until `record` is called for an upgrade.
        var unreported: KeyRateUse?
        /// Where this process publishes the number of the key's exchanges for other processes; nil while it shares its
        /// counts with no other process.
        var sharing: Sharing?

        /// Returns the newest limit: the one that applied to the latest request, or `own` if there is none.
        ///
        /// `own` is the limit that the calling request had when it began, which may be older and lower. In each call,
        /// `TokenBucket` caps the spent tokens at twice the limit that the call passes. So a call with an older, lower
        /// limit would make it forget some of the spent tokens.
        func newest(_ limit: KeyPath<KeyLimits, Int?>, else own: Int) -> Int { limits?[keyPath: limit] ?? own }
    }

    /// Where this process publishes the number of a key's exchanges, for the other processes of an upgrade.
    private struct Sharing {
        let counts: SharedCounts
        let identity: String
        /// The key's row in `counts`, the table that the processes share; nil before the first exchange, so that unused
        /// keys take no rows.
        var row: SharedCounts.Row?

        /// Adds one exchange to the number that this process publishes, if the limit over all processes allows it.
        ///
        /// Another process may begin an exchange at the same moment. Each of the two processes publishes its exchange
        /// before it reads the count of the other process. So at least one of them sees that there is one exchange too
        /// many, and takes its own back. If both processes take theirs back, the limit allows an exchange again, and
        /// both try once more.
        ///
        /// - Parameters:
        ///   - running: how many exchanges with the key are under way in this process.
        ///   - most: the limit over all processes; nil for no limit.
        /// - Returns: whether the limit allows one more exchange.
        mutating func takePlace(beside running: Int, of most: Int?) -> Bool {
            if row == nil { row = counts.row(for: identity) }
            guard let row else { return true }
            for _ in 0..<3 {
                row.publish(running + 1)
                guard let most, running + 1 + row.others > most else { return true }
                row.publish(running)
                guard running + 1 + row.others <= most else { return false }
            }
            return false
        }
    }

    private let state = Lock(State())
    private let resets = Lock(ResetBucket())
    /// The time until which requests with the key are refused, because clients gave up too many of them.
    ///
    /// The value is a copy of `ResetBucket.refusedUntil`. Every request with the key reads the copy, which needs no
    /// lock.
    private let resetsRefusedUntil = Atomic<Nanoseconds>(0)

    /// Makes the quota of a key that has not been used.
    package init() {}

    /// The number of exchanges with the key that are under way in this process.
    package var running: Int { state.withLock { $0.running } }

    /// Counts an exchange against the limits on exchanges and on requests per minute, unless one of them is reached;
    /// see `Quota.begin`.
    package func begin(_ limits: KeyLimits, at now: Nanoseconds) -> QuotaDenial? {
        state.withLock { state in
            state.limits = limits
            if let most = limits.concurrency, state.running >= most { return .concurrency }
            if state.sharing?.takePlace(beside: state.running, of: limits.concurrency) == false { return .concurrency }
            if let most = limits.requestsPerMinute, let wait = state.requests.take(1, of: most, at: now) {
                state.sharing?.row?.publish(state.running)
                return .requests(wait: wait)
            }
            state.running += 1
            state.unreported?.requests += 1
            return nil
        }
    }

    /// Ends an exchange that `begin` has counted.
    package func ended() {
        state.withLock { state in
            state.running -= 1
            state.sharing?.row?.publish(state.running)
        }
    }

    /// Reserves tokens for a request, unless the limit on tokens per minute forbids it; see `Quota.reserve`.
    package func reserve(_ tokens: Int, _ limits: KeyLimits, at now: Nanoseconds) -> QuotaDenial? {
        guard let own = limits.tokensPerMinute else { return nil }
        return state.withLock { state in
            let most = state.newest(\.tokensPerMinute, else: own)
            if let wait = state.tokens.take(tokens, of: most, at: now) { return .tokens(wait: wait) }
            state.unreported?.tokens += tokens
            return nil
        }
    }

    /// Replaces the tokens that were reserved for a request by the tokens that it has used; see `Quota.settle`.
    package func settle(reserved: Int, used: Int, _ limits: KeyLimits, at now: Nanoseconds) {
        guard let own = limits.tokensPerMinute else { return }
        state.withLock { state in
            state.tokens.adjust(by: used - reserved, of: state.newest(\.tokensPerMinute, else: own), at: now)
            state.unreported?.tokens += used - reserved
        }
    }

    /// Counts a request that the client gave up before its answer began.
    ///
    /// - Returns: whether requests with the key are refused from now on and the operator has to be warned of it.
    package func countReset(of most: Int, at now: Nanoseconds) -> Bool {
        resets.withLock { bucket in
            let isNews = bucket.count(of: most, at: now)
            resetsRefusedUntil.store(bucket.refusedUntil, ordering: .relaxed)
            return isNews
        }
    }

    /// How long, in nanoseconds, requests with the key are still refused, because clients gave up too many of them.
    ///
    /// The function takes no lock.
    package func resetWait(at now: Nanoseconds) -> Nanoseconds {
        let until = resetsRefusedUntil.load(ordering: .relaxed)
        return until > now ? until - now : 0
    }

    /// How many requests a minute the key may send, and how many it may still send now; nil if the key has no limit for
    /// requests.
    package func requestRate(_ limits: KeyLimits, at now: Nanoseconds) -> QuotaRate? {
        rate(\.requestsPerMinute, of: \.requests, limits, at: now)
    }

    /// How many tokens a minute the key may use, and how many it may still use now; nil if the key has no limit for
    /// tokens.
    package func tokenRate(_ limits: KeyLimits, at now: Nanoseconds) -> QuotaRate? {
        rate(\.tokensPerMinute, of: \.tokens, limits, at: now)
    }

    private func rate(
        _ limit: KeyPath<KeyLimits, Int?>,
        of bucket: WritableKeyPath<State, TokenBucket>,
        _ limits: KeyLimits,
        at now: Nanoseconds
    ) -> QuotaRate? {
        guard let own = limits[keyPath: limit] else { return nil }
        return state.withLock { state in
            let most = state.newest(limit, else: own)
            return QuotaRate(
                limit: most,
                remaining: state[keyPath: bucket].remaining(of: most, at: now),
                reset: state[keyPath: bucket].reset(of: most, at: now)
            )
        }
    }

    // MARK: Other processes

    /// Makes this process publish the number of the key's exchanges in `counts`, and compare the limit with the sum
    /// over all processes.
    ///
    /// The function may be called while exchanges begin and end on the workers. After the call, `counts` has the
    /// exchanges that are under way, and each new exchange is published before it begins.
    ///
    /// - Parameters:
    ///   - counts: nil if this process shares counts with no other process any more.
    ///   - identity: a name of the key that is the same in each process.
    package func share(in counts: SharedCounts?, as identity: String) {
        state.withLock { state in
            let (old, running) = (state.sharing, state.running)
            if let old, old.counts === counts, old.identity == identity {
                old.row?.publish(running)
                return
            }
            var sharing = counts.map { Sharing(counts: $0, identity: identity) }
            if running > 0 { sharing?.row = counts?.row(for: identity) }
            sharing?.row?.publish(running)
            old?.row?.publish(0)
            state.sharing = sharing
        }
    }

    /// What the key has used of its limits per minute, in a form that can be sent to another process.
    ///
    /// After this call, `takeUnreported` returns what the key has used since then.
    package func record(at now: Nanoseconds) -> KeyUseRecord {
        let resets = resets.withLock { $0.record(at: now) }
        return state.withLock { state in
            state.unreported = KeyRateUse()
            return KeyUseRecord(
                requests: state.requests.record(at: now),
                tokens: state.tokens.record(at: now),
                resets: resets
            )
        }
    }

    /// Replaces what this process has counted for the limits per minute with what another process has just recorded.
    package func restore(_ record: KeyUseRecord, at now: Nanoseconds) {
        state.withLock { state in
            state.requests.restore(record.requests, at: now)
            state.tokens.restore(record.tokens, at: now)
        }
        resets.withLock { bucket in
            bucket.restore(record.resets, at: now)
            resetsRefusedUntil.store(bucket.refusedUntil, ordering: .relaxed)
        }
    }

    /// What the key has used since the last call of this function or of `record`, whichever came later.
    ///
    /// The result is nil if the key has used nothing since then, or if `record` was never called.
    package func takeUnreported() -> KeyRateUse? {
        state.withLock { state in
            guard let use = state.unreported, use != KeyRateUse() else { return nil }
            state.unreported = KeyRateUse()
            return use
        }
    }

    /// Adds the use that another process reports to the use that this process has counted.
    ///
    /// - Parameter limits: the present limits of the key. Requests or tokens count towards a limit only if the key has
    ///   such a limit now.
    package func add(_ use: KeyRateUse, _ limits: KeyLimits, at now: Nanoseconds) {
        state.withLock { state in
            if let most = limits.requestsPerMinute { state.requests.adjust(by: use.requests, of: most, at: now) }
            if let most = limits.tokensPerMinute { state.tokens.adjust(by: use.tokens, of: most, at: now) }
            state.unreported?.requests += use.requests
            state.unreported?.tokens += use.tokens
        }
    }
}
