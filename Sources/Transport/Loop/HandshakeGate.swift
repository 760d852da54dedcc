// Decides for the channels of one event loop when the TLS handshakes of clients go on.

/// Holds TLS handshakes back while streams are under way and handshakes have used up their budget of CPU time.
///
/// While a handshake is held back, the client's bytes stay unread in the kernel. In each turn, after the output is
/// written, the loop lets waiting handshakes go on: as many as the budget allows. In a turn that has had nothing else
/// to do, one handshake may go on even if the budget is used up. So handshakes may use all the time that streams do not
/// need.
///
/// Confined to the thread of its loop.
package final class HandshakeGate {
    private var budget = HandshakeBudget()
    private var queue = HandshakeQueue<Channel>()
    /// When the current step of a handshake has begun; nil while no step is measured.
    private var startedAt: Nanoseconds?

    init() {}

    /// Whether streams are under way, to which handshakes yield.
    package var hasStreams = false
    /// How many handshakes had to wait before their first step.
    package private(set) var heldCount: UInt64 = 0
    /// Whether no handshake waits.
    ///
    /// The value is stored, because each turn of the loop reads it: to ask `queue` would cost a check of exclusive
    /// access at run time.
    private(set) var isEmpty = true
    /// How many handshakes wait.
    package var waitingCount: Int { queue.count }
    /// How many handshakes may wait (`HandshakeQueue.places`).
    var places: Int {
        get { queue.places }
        set { queue.places = newValue }
    }

    /// Whether a handshake whose bytes have arrived may go on at once.
    func admits(at now: Nanoseconds) -> Bool { isEmpty && (!hasStreams || budget.hasCredit(at: now)) }

    /// Lets a handshake wait until `next` returns its channel.
    ///
    /// - Returns: the key for `leave`; nil if too many handshakes wait.
    func hold(_ channel: Channel, _ rank: HandshakeQueue<Channel>.Rank, of address: IPAddress?) -> SlabKey? {
        guard let key = queue.add(channel, rank, of: address) else { return nil }
        isEmpty = false
        if rank != .begun { heldCount &+= 1 }
        return key
    }

    /// Removes the waiting handshake of a channel that is closed.
    func leave(_ key: SlabKey) {
        queue.remove(key)
        isEmpty = queue.isEmpty
    }

    /// The channel whose handshake goes on next; nil if none waits, or if the budget is used up.
    ///
    /// - Parameter beyondBudget: whether the loop has nothing else to do, so that the budget does not matter.
    func next(at now: Nanoseconds, beyondBudget: Bool) -> Channel? {
        guard !hasStreams || beyondBudget || budget.hasCredit(at: now) else { return nil }
        defer { isEmpty = queue.isEmpty }
        return queue.next()
    }

    /// Begins to measure the cost of a step of a handshake, if streams are under way; otherwise the step costs no
    /// credit.
    func begin(_ clock: Clock) { startedAt = hasStreams ? clock.now : nil }

    /// Charges the budget for the step that `begin` has begun to measure.
    func charge(_ clock: Clock) {
        guard let started = startedAt.take() else { return }
        let now = clock.now
        spend(now - min(started, now), at: now)
    }

    /// Charges the budget for a cost in nanoseconds.
    func spend(_ cost: Nanoseconds, at now: Nanoseconds) { budget.charge(cost, at: now) }
}
