// The position of a request in a pool's queue.

/// Identifies a waiting request, so that it can be removed.
package enum QueueTicket: Hashable, Sendable {
    case inOrder(PriorityClass, FairQueue<PoolEntry.Waiting>.Ticket)
    case returned(Int)
}
