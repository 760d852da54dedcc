// Decides for the channels of one event loop when the TLS handshakes of clients go on.

/// Holds TLS handshakes back while streams are under way and handshakes have used up their budget of CPU time.
///
/// A handshake that is held back stays unread in the kernel. At the end of each turn, the loop lets waiting handshakes go
/// on: as many as the budget allows, and one more in a turn that has had nothing else to do. So handshakes may use all the
/// time that nobody else needs, but streams wait for one handshake at most.
///
/// Confined to the thread of its loop.
package final class HandshakeGate {
    private var budget = HandshakeBudget()
    private var queue = HandshakeQueue<Channel>()
    private var streams = false
    private var held: UInt64 = 0
    /// When the handshake that runs has begun to run; nil while no cost is measured.
    private var startedAt: Nanoseconds?

    init() {}

    /// Whether streams are under way, to which handshakes yield.
    package var hasStreams: Bool {
        get { streams }
        set { streams = newValue }
    }
    /// How many handshakes had to wait before their first step.
    package var heldCount: UInt64 { held }
    /// Whether no handshake waits.
    ///
    /// It is stored beside `queue`, because each turn of the loop asks for it, and Swift checks access to a property of a
    /// simple type at compile time.
    private(set) var isEmpty = true
    /// How many handshakes wait.
    package var waitingCount: Int { queue.count }
    /// How many handshakes may wait (`HandshakeQueue.places`).
    var places: Int {
        get { queue.places }
        set { queue.places = newValue }
    }

    /// Whether a handshake whose bytes have arrived may go on at once.
    func admits(at now: Nanoseconds) -> Bool { isEmpty && (!streams || budget.hasCredit(at: now)) }

    /// Lets a handshake wait until `next` returns its channel.
    ///
    /// - Returns: the key for `leave`; nil if too many handshakes wait.
    func hold(_ channel: Channel, _ rank: HandshakeQueue<Channel>.Rank, of address: IPAddress?) -> SlabKey? {
        guard let key = queue.add(channel, rank, of: address) else { return nil }
        isEmpty = false
        if rank != .begun { held &+= 1 }
        return key
    }

    /// Removes a channel that is closed.
    func leave(_ key: SlabKey) {
        queue.remove(key)
        isEmpty = queue.isEmpty
    }

    /// The channel whose handshake goes on next; nil if none waits, or if the budget is used up.
    ///
    /// - Parameter beyondBudget: whether the loop has nothing else to do, so that the budget does not matter.
    func next(at now: Nanoseconds, beyondBudget: Bool) -> Channel? {
        guard !streams || beyondBudget || budget.hasCredit(at: now) else { return nil }
        defer { isEmpty = queue.isEmpty }
        return queue.next()
    }

    /// Begins to measure the cost of a step of a handshake, if it matters.
    func begin(_ clock: Clock) { startedAt = streams ? clock.now : nil }

    /// Charges the step that has begun.
    func charge(_ clock: Clock) {
        guard let started = startedAt.take() else { return }
        let now = clock.now
        spend(now - min(started, now), at: now)
    }

    /// Charges a cost in nanoseconds.
    func spend(_ cost: Nanoseconds, at now: Nanoseconds) { budget.charge(cost, at: now) }
}
