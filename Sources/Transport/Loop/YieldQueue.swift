// The channels of one event loop that yield: they are read after all other work of a turn, one after the other.

/// The channels that have something to read and yield to all others, because their clients have lately caused much work
/// (`RecentWork`).
///
/// In each turn, after the output of all others is written, the loop serves these channels for a limited time. Then it
/// polls again. A channel that has more to read goes to the end of the queue, so the channels take turns; if there is
/// time, it is served again in the same turn. Others thus wait for about `sliceMin`, and a loop that has nothing else to
/// do serves only these channels.
///
/// Confined to the thread of its loop.
final class YieldQueue {
    /// The least time that these channels have in one turn, in nanoseconds: 0.1 ms.
    ///
    /// One service may exceed it, because its cost is not known before.
    static let sliceMin: Nanoseconds = 100_000
    /// Which part of the time that all other work of the turn has taken these channels have, if it is more than
    /// `sliceMin`.
    ///
    /// So a worker that is busy with others gives them about a fifth of its time. Listeners, which accept connections
    /// before, have as much.
    static let share: Nanoseconds = 4

    private var channels: [Channel] = []
    /// How many of `channels` have been taken.
    private var taken = 0
    /// Whether no channel waits.
    ///
    /// The value is stored, because each turn of the loop reads it.
    private(set) var isEmpty = true

    /// How long the loop serves these channels in a turn whose other work has taken this long.
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
