// The interface for counting the use of a key against its limits.
package import Transport

/// Counts what the requests with one key use, and tells whether a limit of the key forbids more use.
///
/// Every call returns at once, waits for nothing outside this process, and may come from any worker. `KeyUse` counts
/// within this process. An implementation for several processes would have to reserve parts of a limit in advance,
/// because its calls may not wait for a common store. If the limits of a key change, the limits of the latest `begin`
/// apply to all its exchanges under way. Times are in nanoseconds on the clock of the event loops.
package protocol Quota: AnyObject, Sendable {
    /// Counts one exchange as under way, and counts it against the key's limit of requests a minute.
    ///
    /// - Returns: nil if the limits allow the exchange, and then the caller has to call `ended` once. Otherwise the
    ///   limit that forbids the exchange, and nothing is counted.
    func begin(_ limits: KeyLimits, at now: Nanoseconds) -> QuotaDenial?

    /// Ends an exchange that `begin` has counted.
    func ended()

    /// Counts the largest number of tokens that a request may use against the key's limit of tokens a minute.
    ///
    /// - Returns: nil if the tokens are reserved or the key has no token limit, and then the caller has to call
    ///   `settle` once. Otherwise the limit that forbids the request.
    func reserve(_ tokens: Int, _ limits: KeyLimits, at now: Nanoseconds) -> QuotaDenial?

    /// Replaces the tokens that `reserve` has counted with the tokens that the request has used, which may be more or
    /// fewer.
    ///
    /// - Parameter limits: the limits that were passed to `reserve`.
    func settle(reserved: Int, used: Int, _ limits: KeyLimits, at now: Nanoseconds)

    /// Counts a request that the client gave up after an executor had got it and before its answer began.
    ///
    /// - Parameter most: how many such requests the key may have in a minute; at least 1.
    /// - Returns: true if requests with the key are now refused for a while and the caller of this function has to warn
    ///   the operator; false if they are not refused, or if a recent warning is enough.
    func countReset(of most: Int, at now: Nanoseconds) -> Bool

    /// How long requests with the key are still refused, in nanoseconds, because clients gave up too many of them; 0 if
    /// requests are not refused.
    func resetWait(at now: Nanoseconds) -> Nanoseconds

    /// How many requests a minute the key may send, and how many it may still send now; nil if the key has no limit for
    /// requests.
    func requestRate(_ limits: KeyLimits, at now: Nanoseconds) -> QuotaRate?

    /// How many tokens a minute the key may use, and how many it may still use now; nil if the key has no limit for
    /// tokens.
    func tokenRate(_ limits: KeyLimits, at now: Nanoseconds) -> QuotaRate?
}

/// The limit of a key that forbids another exchange or more tokens.
///
/// `wait` is how long the client should wait, in nanoseconds; `Nanoseconds.max` if waiting does not help.
package enum QuotaDenial: Equatable, Sendable {
    case concurrency
    case requests(wait: Nanoseconds)
    case tokens(wait: Nanoseconds)
}

/// The state of a rate limit, which the client gets in the `x-ratelimit-*` fields of responses.
package struct QuotaRate: Equatable, Sendable {
    /// The limit, in requests or tokens per minute.
    package var limit: Int
    /// How many requests or tokens are left now; at least 0.
    package var remaining: Int
    /// The time until the whole limit is available again, in nanoseconds.
    package var reset: Nanoseconds

    /// Makes the state of a rate limit from its parts.
    package init(limit: Int, remaining: Int, reset: Nanoseconds) {
        self.limit = limit
        self.remaining = remaining
        self.reset = reset
    }
}
