// The position of a request in a pool's queue.

/// Identifies a waiting request, so that it can be removed.
package enum QueueTicket: Hashable, Sendable {
    /// No executor has tried the request yet.
    case inOrder(PriorityClass, FairQueue<PoolEntry.Waiting>.Ticket)
    /// An executor has already tried the request without success.
    ///
    /// The value numbers such requests of one pool, in the order in which they began to wait.
    case returned(Int)
}
