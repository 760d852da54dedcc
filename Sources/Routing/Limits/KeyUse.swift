// How much one key uses of its limits, counted over all workers.
internal import Synchronization
package import Transport

/// The limits of a key.
///
/// A limit that is nil does not restrict the key, except for `prefillResets`.
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

/// The quota of one key, counted in this process.
///
/// Each key has one object while the key is in force and for some time afterwards (`KeyRing.Departed`). The object
/// outlives snapshots. Workers call the object a few times for each request, and never for each token.
package final class KeyUse: Quota {
    private struct State {
        var running = 0
        var requests = TokenBucket()
        var tokens = TokenBucket()
        /// The limits of the latest request; nil before the first request.
        var limits: KeyLimits?

        /// The limit of the latest request, which also applies to requests that began under an older limit.
        ///
        /// `TokenBucket` caps the tokens in use at twice the limit of each call. With an older, lower limit it would
        /// therefore forget some of them.
        func newest(_ limit: KeyPath<KeyLimits, Int?>, else own: Int) -> Int { limits?[keyPath: limit] ?? own }
    }

    private let state = Lock(State())
    private let resets = Lock(ResetBucket())
    /// A copy of `ResetBucket.refusedUntil`, which every request with the key reads without the lock.
    private let resetsRefusedUntil = Atomic<Nanoseconds>(0)

    /// Makes the quota of a key that has not been used.
    package init() {}

    /// The number of exchanges under way.
    package var running: Int { state.withLock { $0.running } }

    /// Counts an exchange, and takes one request from the request rate, unless a limit forbids it; see `Quota.begin`.
    package func begin(_ limits: KeyLimits, at now: Nanoseconds) -> QuotaDenial? {
        state.withLock { state in
            state.limits = limits
            if let most = limits.concurrency, state.running >= most { return .concurrency }
            if let most = limits.requestsPerMinute, let wait = state.requests.take(1, of: most, at: now) {
                return .requests(wait: wait)
            }
            state.running += 1
            return nil
        }
    }

    /// Ends an exchange that `begin` has counted.
    package func ended() { state.withLock { $0.running -= 1 } }

    /// Reserves tokens from the token rate, unless the limit forbids it; see `Quota.reserve`.
    package func reserve(_ tokens: Int, _ limits: KeyLimits, at now: Nanoseconds) -> QuotaDenial? {
        guard let own = limits.tokensPerMinute else { return nil }
        return state.withLock { state in
            let most = state.newest(\.tokensPerMinute, else: own)
            return state.tokens.take(tokens, of: most, at: now).map { .tokens(wait: $0) }
        }
    }

    /// Replaces a reservation with the tokens that were used; see `Quota.settle`.
    package func settle(reserved: Int, used: Int, _ limits: KeyLimits, at now: Nanoseconds) {
        guard let own = limits.tokensPerMinute else { return }
        state.withLock { state in
            state.tokens.adjust(by: used - reserved, of: state.newest(\.tokensPerMinute, else: own), at: now)
        }
    }

    /// Counts a request that the client gave up before its answer began; see `Quota.countReset`.
    package func countReset(of most: Int, at now: Nanoseconds) -> Bool {
        resets.withLock { bucket in
            let isNews = bucket.count(of: most, at: now)
            resetsRefusedUntil.store(bucket.refusedUntil, ordering: .relaxed)
            return isNews
        }
    }

    /// How long requests with the key are still refused because of `countReset`; takes no lock.
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
}
