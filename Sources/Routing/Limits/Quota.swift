// The interface for counting the use of a key against its limits.
package import Transport

/// Counts what the bearers of one key use, and says whether a limit forbids more.
///
/// `KeyUse` counts in this process. A store that several processes share would be another quota, which leases shares of
/// a limit beforehand. Every call answers at once, waits for nothing outside of the process, and may come from any
/// worker. Limits come with each call; those of the newest `begin` hold for all exchanges under way. Times are
/// nanoseconds of the loops' clock, which is monotonic.
package protocol Quota: AnyObject, Sendable {
    /// Counts one exchange and takes one request of the rate.
    ///
    /// - Returns: nil when both were possible; the caller then has to call `ended` once. Otherwise nothing was counted.
    func begin(_ limits: KeyLimits, at now: Nanoseconds) -> QuotaDenial?

    /// Ends the count of an exchange that `begin` has counted.
    func ended()

    /// Reserves tokens for a request.
    ///
    /// - Returns: nil when they are reserved, or when tokens have no limit and nothing is reserved. The caller then has
    ///   to call `settle` once.
    func reserve(_ tokens: Int, _ limits: KeyLimits, at now: Nanoseconds) -> QuotaDenial?

    /// Replaces a reservation by what the request has used, which may be more or less; both in tokens.
    ///
    /// - Parameter limits: the limits with which the tokens were reserved.
    func settle(reserved: Int, used: Int, _ limits: KeyLimits, at now: Nanoseconds)

    /// What is left of the requests a minute; nil without a limit for them.
    func requestRate(_ limits: KeyLimits, at now: Nanoseconds) -> QuotaRate?

    /// What is left of the tokens a minute; nil without a limit for them.
    func tokenRate(_ limits: KeyLimits, at now: Nanoseconds) -> QuotaRate?
}

/// Which limit forbids more, and how many nanoseconds to wait; `Nanoseconds.max` if waiting does not help.
package enum QuotaDenial: Equatable, Sendable {
    case concurrency
    case requests(wait: Nanoseconds)
    case tokens(wait: Nanoseconds)
}

/// What is left of a rate, for the client to see.
package struct QuotaRate: Equatable, Sendable {
    /// Requests or tokens a minute.
    package var limit: Int
    /// How many of them are left now, at least 0.
    package var remaining: Int
    /// The nanoseconds until the whole limit is available again.
    package var reset: Nanoseconds

    /// A rate as response fields show it.
    package init(limit: Int, remaining: Int, reset: Nanoseconds) {
        self.limit = limit
        self.remaining = remaining
        self.reset = reset
    }
}
