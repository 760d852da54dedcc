// The rate at which one client may give up requests whose answer has not begun, and for how long the client is refused
// after it has exceeded the rate.
package import Transport

/// Counts the requests that one client gives up after an executor has received them and before the answer begins.
///
/// Each such request costs the client a token of a bucket, which refills evenly over a minute. When the bucket is
/// empty, new requests of the client are refused until there is a token. If the client then gives up requests that are
/// already under way, each of them prolongs the refusal by the time in which the bucket gains a token. The refusal ends
/// at most two minutes after the last request that the client has given up.
package struct ResetBucket: Sendable {
    /// The shortest time between two warnings about one client.
    private static let warningPeriod: Nanoseconds = 60_000_000_000

    private var bucket = TokenBucket()
    private var nextWarning: Nanoseconds = 0
    /// The time until which new requests of the client are refused; 0 or a time that has passed if they are not.
    package private(set) var refusedUntil: Nanoseconds = 0

    package init() {}

    /// Counts a request that the client has given up.
    ///
    /// - Parameter most: how many such requests the client may have in a minute; at least 1.
    /// - Returns: whether the client is refused from now on and the operator has to be warned of it; true at most once
    ///   a minute.
    package mutating func count(of most: Int, at now: Nanoseconds) -> Bool {
        bucket.adjust(by: 1, of: most, at: now)
        guard let wait = bucket.take(1, of: most, at: now) else {
            bucket.giveBack(1)
            refusedUntil = 0
            return false
        }
        refusedUntil = now + wait
        guard now >= nextWarning else { return false }
        nextWarning = now + Self.warningPeriod
        return true
    }
}

extension ResetBucket {
    /// The contents of a bucket, in the form in which an upgrade passes them to another process.
    ///
    /// The form contains durations instead of times, because the clock of the other process shows other times.
    package struct Record: Equatable, Sendable {
        package var bucket: TokenBucket.Record
        /// How long new requests of the client are still refused, in nanoseconds; 0 if they are not.
        package var refusedFor: Nanoseconds

        /// Makes the record of a bucket; by default, of a bucket that has counted nothing.
        package init(bucket: TokenBucket.Record = TokenBucket.Record(), refusedFor: Nanoseconds = 0) {
            self.bucket = bucket
            self.refusedFor = refusedFor
        }
    }

    /// The contents of the bucket at `now`, in the form for another process.
    func record(at now: Nanoseconds) -> Record {
        Record(bucket: bucket.record(at: now), refusedFor: refusedUntil > now ? refusedUntil - now : 0)
    }

    /// Replaces the contents of the bucket by the contents of another process's bucket.
    ///
    /// - Parameter record: a record that the other process has made a moment ago. Its durations count from that moment.
    mutating func restore(_ record: Record, at now: Nanoseconds) {
        bucket.restore(record.bucket, at: now)
        // No refusal lasts longer than two minutes. A bucket counts at most twice as many requests as the limit allows
        // in a minute, and in each minute the count falls by the limit.
        refusedUntil = record.refusedFor > 0 ? now + min(record.refusedFor, Self.refusedMax) : 0
    }

    private static let refusedMax: Nanoseconds = 120_000_000_000
}
