// How much of its limits the bearer of a key uses, counted over all workers.
package import Transport

/// The limits of a key; a limit of nil means that there is none.
package struct KeyLimits: Equatable, Sendable {
    /// The most exchanges at once.
    package var concurrency: Int?
    /// The most requests that begin in a minute.
    package var requestsPerMinute: Int?
    /// The most tokens of prompts and answers in a minute.
    package var tokensPerMinute: Int?

    /// Limits of at least 1 each.
    package init(concurrency: Int? = nil, requestsPerMinute: Int? = nil, tokensPerMinute: Int? = nil) {
        self.concurrency = concurrency
        self.requestsPerMinute = requestsPerMinute
        self.tokensPerMinute = tokensPerMinute
    }

    /// The limits that there are, by their names in a file of keys.
    package var named: [(name: String, count: Int)] {
        let all = [
            ("concurrency", concurrency), ("requests_per_minute", requestsPerMinute),
            ("tokens_per_minute", tokensPerMinute),
        ]
        return all.compactMap { name, count in count.map { (name, $0) } }
    }
}

/// A quota that counts in this process.
///
/// There is one for each key, while the key is in force and for some time afterwards (`KeyRing.Departed`). It outlives
/// snapshots. It is called a few times a request, never once a token.
package final class KeyUse: Quota {
    private struct State {
        var running = 0
        var requests = TokenBucket()
        var tokens = TokenBucket()
        /// The limits that came with the newest request.
        var limits: KeyLimits?

        /// The limit that came with the newest request, which also holds for requests that began before a change.
        ///
        /// With an older, lower limit, `TokenBucket` would forget a part of what was spent under the raised one.
        func newest(_ limit: KeyPath<KeyLimits, Int?>, else own: Int) -> Int { limits?[keyPath: limit] ?? own }
    }

    private let state = Lock(State())

    /// A key of which nothing has been used.
    package init() {}

    /// Exchanges under way.
    package var running: Int { state.withLock { $0.running } }

    /// Counts an exchange and a request, unless a limit forbids it; see `Quota`.
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

    /// Ends the count of an exchange that `begin` has counted.
    package func ended() { state.withLock { $0.running -= 1 } }

    /// Reserves tokens of the rate, unless the limit forbids it; see `Quota`.
    package func reserve(_ tokens: Int, _ limits: KeyLimits, at now: Nanoseconds) -> QuotaDenial? {
        guard let own = limits.tokensPerMinute else { return nil }
        return state.withLock { state in
            let most = state.newest(\.tokensPerMinute, else: own)
            return state.tokens.take(tokens, of: most, at: now).map { .tokens(wait: $0) }
        }
    }

    /// Replaces a reservation by the tokens that were used; see `Quota`.
    package func settle(reserved: Int, used: Int, _ limits: KeyLimits, at now: Nanoseconds) {
        guard let own = limits.tokensPerMinute else { return }
        state.withLock { state in
            state.tokens.adjust(by: used - reserved, of: state.newest(\.tokensPerMinute, else: own), at: now)
        }
    }

    /// What is left of the requests a minute; nil without a limit.
    package func requestRate(_ limits: KeyLimits, at now: Nanoseconds) -> QuotaRate? {
        rate(\.requestsPerMinute, of: \.requests, limits, at: now)
    }

    /// What is left of the tokens a minute; nil without a limit.
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
