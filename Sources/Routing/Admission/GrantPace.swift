// How fast places of a pool come free: what a wait is predicted by.
internal import Transport

/// The mean time between two places that come free while the pool is full, as a value.
struct GrantPace: Sendable {
    /// Fewer places than this tell nothing.
    private static let samplesMin = 3
    private var mean: Double = 0
    private var samples = 0
    private var lastTaken: Nanoseconds?

    /// A place has been taken.
    ///
    /// If the pool is full now, it has been since this moment.
    mutating func taken(at now: Nanoseconds) { lastTaken = max(lastTaken ?? 0, now) }

    /// A place has come free in a full pool: the pool has been full since a place was last taken.
    ///
    /// To be called before that place is taken again.
    mutating func freed(at now: Nanoseconds) {
        guard let last = lastTaken else { return }
        // A worker's clock may be a turn behind another's.
        let interval = now > last ? Double(now - last) : 0
        mean = samples == 0 ? interval : mean * 0.8 + interval * 0.2
        samples += 1
        // Of several that come free one after the other without being taken, each counts its own interval.
        lastTaken = max(last, now)
    }

    /// How long a request waits that has so many before it; nil while nobody knows.
    func wait(behind ahead: Int) -> Nanoseconds? {
        guard samples >= Self.samplesMin else { return nil }
        return Nanoseconds(mean * Double(ahead + 1))
    }
}
