// Publishes one count of this process to the other processes of an upgrade.
package import Synchronization

/// The row of a `SharedCounts` table in which one count of this process is published; without a row while this process
/// shares no counts.
///
/// The count itself stays an atomic of its owner. After each change, while the process shares counts, the owner calls
/// `publish`, which reads the count and writes it to the row under a lock. So the row always ends up with the latest
/// value, whichever threads change the count at once, and sharing may begin and end at any time.
package final class CountMirror: Sendable {
    private let row = Lock<SharedCounts.Row?>(nil)

    /// Makes a mirror without a row.
    package init() {}

    /// Publishes the count in another row from now on, or nowhere if `next` is nil.
    ///
    /// The count in the earlier row becomes 0.
    package func attach(_ next: SharedCounts.Row?, _ count: borrowing Atomic<Int>) {
        row.withLock { row in
            next?.publish(count.load(ordering: .sequentiallyConsistent))
            if let row, !row.isSame(as: next) { row.publish(0) }
            row = next
        }
    }

    /// Publishes the present value of the count, if there is a row.
    package func publish(_ count: borrowing Atomic<Int>) {
        row.withLock { $0?.publish(count.load(ordering: .sequentiallyConsistent)) }
    }

    /// The sum of the counts of all other processes; 0 without a row.
    package var others: Int { row.withLock { $0?.others ?? 0 } }
}
