// The order of turns among executors of unequal shares: evenly interleaved, and in proportion to the shares by count.

/// Stride scheduling (Waldspurger and Weihl, 1995), as a value.
///
/// On one common scale the turns of an executor come at distances of 1 divided by its share; the next turn is that with
/// the smallest due. Executors may be missing from a choice. One that was missing for long has one turn at once, and
/// not all that it missed.
struct Turns: Sendable {
    private struct Entry: Sendable {
        var id: Int
        var due: Double
        /// The share by which it is due then.
        var share: Double
    }

    /// How many turns of an executor that were taken ahead of their due, when others could not be chosen, are
    /// remembered.
    private static let aheadMax = 4.0

    /// The executors that have a due, in the order of the latest pool's members.
    private var entries: [Entry] = []
    /// How far the scale has come: the due of the latest turn that was not taken ahead of its due.
    private var last = 0.0

    /// Keeps only these executors, given by id in the order of the pool's members.
    mutating func keep(_ ids: [Int]) {
        entries = ids.compactMap { id in entries.first { $0.id == id } }
    }

    /// When an executor has its next turn; nil where it is new.
    ///
    /// - Parameters:
    ///   - index: where it is looked for first.
    ///   - share: above 0, and perhaps another one than the last time.
    func due(of id: Int, at index: Int, share: Double) -> Double? {
        guard let index = self.index(of: id, at: index) else { return nil }
        let entry = entries[index]
        let left = entry.share == share ? entry.due - last : (entry.due - last) * entry.share / share
        return last + max(left, -1 / share)
    }

    /// Adds a new executor.
    ///
    /// - Parameter phase: from 0 to 1, how much of its distance passes before its first turn.
    /// - Returns: its due.
    mutating func add(_ id: Int, at index: Int, share: Double, phase: Double) -> Double {
        let due = last + phase / share
        entries.insert(Entry(id: id, due: due, share: share), at: min(index, entries.count))
        return due
    }

    /// The executor has had the turn that was due then.
    ///
    /// - Parameter first: the smallest due among all that could have been chosen but for their load. It is before `due`
    ///   where the executor was chosen ahead of its turn.
    mutating func took(_ due: Double, of id: Int, at index: Int, share: Double, first: Double) {
        guard let index = self.index(of: id, at: index) else { return }
        last = max(last, first, due - Self.aheadMax / share)
        entries[index].due = due + 1 / share
        entries[index].share = share
    }

    private func index(of id: Int, at index: Int) -> Int? {
        if index < entries.count, entries[index].id == id { return index }
        return entries.firstIndex { $0.id == id }
    }
}
