// Delays TLS handshakes of clients on one event loop, so that their CPU time does not slow down token streams.

/// Holds TLS handshakes back while streams are under way and handshakes have used up their budget of CPU time.
///
/// While a handshake is held back, the client's bytes stay unread in the kernel. At the end of each turn, when all
/// output is written, the loop continues as many waiting handshakes as the budget allows. In a turn without other work,
/// one handshake may continue even if the budget is used up. So handshakes may use all the time that streams do not
/// need.
///
/// Confined to the thread of its loop.
package final class HandshakeGate {
    private var budget = HandshakeBudget()
    private var queue = HandshakeQueue<Channel>()
    /// When the step of a handshake that is being measured began; nil while none is measured.
    ///
    /// A step is measured only while streams are under way, to deduct its time from the budget of handshakes.
    private var startedAt: Nanoseconds?

    init() {}

    /// Whether the worker has streams under way; only then are handshakes limited.
    package var hasStreams = false
    /// How often, since the gate was made, a handshake that the server had not answered yet has had to wait.
    package private(set) var heldCount: UInt64 = 0
    /// Whether no handshake waits.
    ///
    /// The value is a stored copy of `queue.isEmpty`. Each turn of the loop reads it, and an access to `queue` would
    /// cost a runtime check of exclusive access.
    private(set) var isEmpty = true
    /// How many handshakes wait.
    package var waitingCount: Int { queue.count }
    /// The largest number of handshakes that may wait for their first answer from the server.
    ///
    /// Handshakes that the server has answered (rank `begun`) may always wait, and are not counted here.
    var places: Int {
        get { queue.places }
        set { queue.places = newValue }
    }

    /// Whether a handshake whose next bytes have arrived may continue at once.
    func admits(at now: Nanoseconds) -> Bool { isEmpty && (!hasStreams || budget.hasCredit(at: now)) }

    /// Makes the handshake of a channel wait until `next` returns the channel.
    ///
    /// - Returns: the key to pass to `leave`; nil if too many handshakes wait already, in total or from this address.
    func hold(_ channel: Channel, _ rank: HandshakeQueue<Channel>.Rank, of address: IPAddress?) -> SlabKey? {
        guard let key = queue.add(channel, rank, of: address) else { return nil }
        isEmpty = false
        if rank != .begun { heldCount &+= 1 }
        return key
    }

    /// Removes the waiting handshake of a channel that has been closed.
    func leave(_ key: SlabKey) {
        queue.remove(key)
        isEmpty = queue.isEmpty
    }

    /// Removes the handshake that continues next, and returns its channel.
    ///
    /// - Parameter beyondBudget: whether to ignore the budget; true if the loop has no other work in this turn.
    /// - Returns: nil if no handshake waits, or if the budget is used up.
    func next(at now: Nanoseconds, beyondBudget: Bool) -> Channel? {
        guard !hasStreams || beyondBudget || budget.hasCredit(at: now) else { return nil }
        defer { isEmpty = queue.isEmpty }
        return queue.next()
    }

    /// Begins to measure the time that one step of a handshake takes.
    ///
    /// If no streams are under way, the step is not measured, so that it uses up nothing of the budget.
    func begin(_ clock: Clock) { startedAt = hasStreams ? clock.now : nil }

    /// Deducts the time since `begin` from the budget; does nothing if `begin` has not started a measurement.
    func charge(_ clock: Clock) {
        guard let started = startedAt.take() else { return }
        let now = clock.now
        spend(now - min(started, now), at: now)
    }

    /// Deducts a time in nanoseconds from the budget.
    func spend(_ cost: Nanoseconds, at now: Nanoseconds) { budget.charge(cost, at: now) }
}
