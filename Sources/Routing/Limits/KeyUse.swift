// What the bearer of a key uses at the moment, and has used of its rates: counted over all workers.
package import Transport

/// What a key may use; nil is without limit.
package struct KeyLimits: Equatable, Sendable {
    /// Exchanges at once.
    package var concurrency: Int?
    package var requestsPerMinute: Int?
    package var tokensPerMinute: Int?

    package init(concurrency: Int? = nil, requestsPerMinute: Int? = nil, tokensPerMinute: Int? = nil) {
        self.concurrency = concurrency
        self.requestsPerMinute = requestsPerMinute
        self.tokensPerMinute = tokensPerMinute
    }
}

/// One a key, for as long as the key is in force: it outlives snapshots.
///
/// Asked once or a few times a request, never once a token.
package final class KeyUse: Sendable {
    private struct State {
        var running = 0
        var requests = TokenBucket()
        var tokens = TokenBucket()
    }

    /// Which limit is in the way, and how long it will be; `Nanoseconds.max` where no wait helps.
    package enum Denial: Equatable, Sendable {
        case concurrency
        case requests(wait: Nanoseconds)
        case tokens(wait: Nanoseconds)
    }

    /// What is left of a rate, for the client to see.
    package struct Rate: Equatable, Sendable {
        package var limit: Int
        package var remaining: Int
        /// Until all of it is there again.
        package var reset: Nanoseconds
    }

    private let state = Lock(State())

    package init() {}

    /// Exchanges under way.
    package var running: Int { state.withLock { $0.running } }

    /// A place for one exchange and one request of the rate, taken; `ended` gives the place back.
    package func begin(_ limits: KeyLimits, at now: Nanoseconds) -> Denial? {
        state.withLock { state in
            if let most = limits.concurrency, state.running >= most { return .concurrency }
            if let most = limits.requestsPerMinute, let wait = state.requests.take(1, of: most, at: now) {
                return .requests(wait: wait)
            }
            state.running += 1
            return nil
        }
    }

    package func ended() { state.withLock { $0.running -= 1 } }

    /// Tokens reserved for a request, to be settled once it is known what it used.
    package func reserve(_ tokens: Int, _ limits: KeyLimits, at now: Nanoseconds) -> Denial? {
        guard let most = limits.tokensPerMinute else { return nil }
        return state.withLock { state in
            state.tokens.take(tokens, of: most, at: now).map { .tokens(wait: $0) }
        }
    }

    package func settle(reserved: Int, used: Int) {
        state.withLock { $0.tokens.adjust(by: used - reserved) }
    }

    package func requestRate(_ limits: KeyLimits, at now: Nanoseconds) -> Rate? {
        guard let limit = limits.requestsPerMinute else { return nil }
        return state.withLock { state in
            Rate(
                limit: limit,
                remaining: state.requests.remaining(of: limit, at: now),
                reset: state.requests.reset(of: limit, at: now)
            )
        }
    }

    package func tokenRate(_ limits: KeyLimits, at now: Nanoseconds) -> Rate? {
        guard let limit = limits.tokensPerMinute else { return nil }
        return state.withLock { state in
            Rate(
                limit: limit,
                remaining: state.tokens.remaining(of: limit, at: now),
                reset: state.tokens.reset(of: limit, at: now)
            )
        }
    }
}
