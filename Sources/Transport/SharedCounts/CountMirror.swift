// Publishes one count of this process to the other server processes that run during an upgrade.
package import Synchronization

/// Copies one count of this process to a row of a `SharedCounts` table, where the other server processes of an upgrade
/// read it.
///
/// While this process shares no counts, the mirror has no row, and does nothing. Sharing may begin and end at any time.
///
/// The count itself is an atomic variable of the mirror's owner, which calls `publish` after each change. `publish`
/// reads the count and writes it to the row under a lock. So the row has the latest value in the end, even if several
/// threads change the count at once.
package final class CountMirror: Sendable {
    private let row = Lock<SharedCounts.Row?>(nil)

    /// Makes a mirror that has no row in a shared table yet, so it publishes nothing.
    package init() {}

    /// From now on, publishes the count in the row `next` of the shared table, or nowhere if `next` is nil.
    ///
    /// The count in the earlier row becomes 0.
    package func attach(_ next: SharedCounts.Row?, _ count: borrowing Atomic<Int>) {
        row.withLock { row in
            next?.publish(count.load(ordering: .sequentiallyConsistent))
            if let row, !row.isSame(as: next) { row.publish(0) }
            row = next
        }
    }

    /// Writes the current value of the count to the row of the shared table; does nothing if the mirror has no row.
    package func publish(_ count: borrowing Atomic<Int>) {
        row.withLock { $0?.publish(count.load(ordering: .sequentiallyConsistent)) }
    }

    /// The sum of the counts that all other processes publish in the same row; 0 if the mirror has no row.
    package var others: Int { row.withLock { $0?.others ?? 0 } }
}
