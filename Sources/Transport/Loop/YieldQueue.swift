// The queue of the channels that let others go first: the event loop reads them after all other work of a turn.

/// A queue of channels that let others go first, because their clients have lately caused much work (`RecentWork`).
///
/// In each turn, the loop first reads all other channels and writes their output. Then it serves the channels of this
/// queue for a limited time (`slice`), and polls again. A channel that has more to read goes to the end of the queue.
/// It is served again in the same turn if there is time.
///
/// So in each turn, the queue delays the other channels by about `sliceMin`, or by a fourth of the time that the turn's
/// other work has taken if that is longer. If the loop has no other work, the channels of the queue get all its time.
///
/// Confined to the thread of its loop.
final class YieldQueue {
    /// The time that the channels of the queue may use in each turn, however short the turn's other work was, in
    /// nanoseconds: 0.1 ms.
    ///
    /// The last channel may take longer, because the loop cannot know the cost beforehand.
    static let sliceMin: Nanoseconds = 100_000
    /// In each turn, the queue gets a fourth of the time that the other work of the turn has taken, but at least
    /// `sliceMin`.
    ///
    /// So a busy worker spends about a fifth of its time on the queue. The same rule limits the time in which listeners
    /// accept connections.
    static let share: Nanoseconds = 4

    private var channels: [Channel] = []
    /// How many channels at the beginning of `channels` have already been removed from the queue.
    private var taken = 0
    /// Whether no channel waits.
    ///
    /// The value is stored and not computed, because the loop reads it in each turn.
    private(set) var isEmpty = true

    /// How long the loop may serve this queue in a turn, if its other work in this turn has taken `spent` nanoseconds.
    static func slice(after spent: Nanoseconds) -> Nanoseconds { max(sliceMin, spent / share) }

    var count: Int { channels.count - taken }

    /// Appends a channel that is not in the queue.
    func append(_ channel: Channel) {
        channels.append(channel)
        isEmpty = false
    }

    /// Removes the channel that has waited longest; nil if none waits.
    func popFirst() -> Channel? {
        guard taken < channels.count else { return nil }
        let channel = channels[taken]
        taken += 1
        if taken == channels.count {
            removeAll()
        } else if taken * 2 >= channels.count, taken >= 64 {
            channels.removeFirst(taken)
            taken = 0
        }
        return channel
    }

    func removeAll() {
        channels.removeAll(keepingCapacity: true)
        taken = 0
        isEmpty = true
    }
}
