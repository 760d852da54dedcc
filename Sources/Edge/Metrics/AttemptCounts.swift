// How many attempts at each executor have ended, and how.

/// The number of attempts for one model that have ended, by the id of their executor and by how they ended.
///
/// A model has few executors, so a search through all of its rows costs less than hashing an id.
package struct AttemptCounts: Sendable {
    private var rows: [(executor: Int, ends: [UInt64])] = []

    /// The counts of one executor; nil if no attempt at it has ended.
    ///
    /// The array has one count for each way in which an attempt can end, at the index that `Ending` gives to that way.
    subscript(executor: Int) -> [UInt64]? { rows.first { $0.executor == executor }?.ends }

    /// Counts an attempt that has ended.
    ///
    /// - Parameter ending: the index that `Ending` gives to the way in which the attempt ended.
    mutating func count(_ ending: Int, executor: Int) { rows[index(of: executor)].ends[ending] &+= 1 }

    /// Adds the counts that another worker has for the same model.
    mutating func add(_ other: AttemptCounts) {
        for row in other.rows { WorkerCounters.add(row.ends, to: &rows[index(of: row.executor)].ends) }
    }

    private mutating func index(of executor: Int) -> Int {
        for index in rows.indices where rows[index].executor == executor { return index }
        rows.append((executor, Array(repeating: 0, count: Ending.count)))
        return rows.count - 1
    }
}
