// Limits how long one turn of the event loop reads from peers that send large amounts of data.

/// The time that large reads have taken in one turn of the loop.
///
/// A turn first reads from all channels and then writes all output. If a hundred clients send large bodies, a turn that
/// reads 64 KiB from each of them takes several milliseconds, and delays every token and short request by that time. So
/// large reads may take `turnMax` of a turn. After that time, each read of this turn returns at most `largeMin` bytes,
/// and channels with unread bytes from the previous turn wait for the next turn.
///
/// The clock is read only after large reads, so tokens and short requests cost no extra system call.
struct BulkReads {
    /// How long large reads may take in one turn, in nanoseconds; the last large read may exceed this time.
    static let turnMax: Nanoseconds = 500_000
    /// The size from which a read counts as large, in bytes.
    ///
    /// After large reads have taken `turnMax` in a turn, each further read of the turn returns at most this many bytes.
    static let largeMin = 16 << 10

    /// The time that is `turnMax` after the first large read of this turn; nil before the first large read.
    private var ends: Nanoseconds?
    /// Whether large reads have taken `turnMax` in this turn.
    private(set) var isOver = false

    /// Resets the measured time; the loop calls this function at the beginning of each turn.
    mutating func turnBegins() { if ends != nil { self = BulkReads() } }

    /// Records that a large read has returned; called before its bytes are processed.
    mutating func readWasLarge(at now: Nanoseconds) {
        guard let ends else {
            self.ends = now + Self.turnMax
            return
        }
        isOver = now >= ends
    }
}
