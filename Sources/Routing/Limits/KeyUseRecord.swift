// What one API key has used of its limits per minute, in the forms that the processes of an upgrade send to one
// another.
package import Transport

/// What one key had used of its limits per minute at one moment.
package struct KeyUseRecord: Equatable, Sendable {
    /// How many requests count against the key's limit of requests per minute.
    package var requests: TokenBucket.Record
    /// How many tokens count against the key's limit of tokens per minute.
    package var tokens: TokenBucket.Record
    /// How many requests with the key were given up by their clients before the answer began, and for how long new
    /// requests with the key are refused because of that.
    package var resets: ResetBucket.Record

    /// Makes a record; by default nothing was used.
    package init(
        requests: TokenBucket.Record = TokenBucket.Record(),
        tokens: TokenBucket.Record = TokenBucket.Record(),
        resets: ResetBucket.Record = ResetBucket.Record()
    ) {
        self.requests = requests
        self.tokens = tokens
        self.resets = resets
    }
}

/// What one key has used of its limits per minute since the last report to the main process.
///
/// After an upgrade, the replaced process sends such reports while its remaining exchanges run. The first report begins
/// where the `KeyUseRecord` ends that the process passed to its successor.
package struct KeyRateUse: Equatable, Sendable {
    /// How many requests have begun since the last report; at least 0.
    package var requests: Int
    /// How many tokens requests have reserved since the last report.
    ///
    /// Once it is known how many tokens a request has used, the number changes by the difference to its reservation. It
    /// is below 0 if requests have given back more unused tokens than new requests have reserved.
    package var tokens: Int

    /// Makes a value; by default nothing was used.
    package init(requests: Int = 0, tokens: Int = 0) {
        self.requests = requests
        self.tokens = tokens
    }
}
