// Bounds how long one turn of the event loop reads from peers that send much at once.

/// The time that large reads have taken in one turn of the loop.
///
/// The output of a turn waits until all its reads are done. If a hundred clients send large bodies, a turn that reads
/// 64 KiB from each of them takes several milliseconds, and every token and short request waits for that long. So large
/// reads may take `turnMax` of a turn. Afterwards, reads of this turn are shorter, and channels that were to be read
/// again wait for the next turn.
///
/// The clock is read only for large reads, so tokens and short requests cause no work.
struct BulkReads {
    /// How long large reads may take in one turn, in nanoseconds; the last one may exceed it.
    static let turnMax: Nanoseconds = 500_000
    /// The size of the smallest large read, and of the largest read after `turnMax`, in bytes.
    static let largeMin = 16 << 10

    /// When the time for large reads of this turn is over; nil before the first one.
    private var ends: Nanoseconds?
    /// Whether large reads have taken `turnMax` in this turn.
    private(set) var isOver = false

    /// Begins a turn of the loop.
    mutating func turnBegins() { if ends != nil { self = BulkReads() } }

    /// Records that a large read has returned bytes, which are handled afterwards.
    mutating func readWasLarge(at now: Nanoseconds) {
        guard let ends else {
            self.ends = now + Self.turnMax
            return
        }
        isOver = now >= ends
    }
}
