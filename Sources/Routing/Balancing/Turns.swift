// Whose turn it is among executors of unequal shares, as a value: evenly interleaved, and true to the shares by count.

/// Each executor's turns come at distances of one divided by its share, on a line that they all have in common; the next
/// one is whoever has the smallest due (stride scheduling, Waldspurger and Weihl, 1995).
///
/// Executors may be missing from a choice. One that was missing for long has one turn at once, and not all that it missed.
struct Turns: Sendable {
    private struct Entry: Sendable {
        var id: Int
        var due: Double
        /// The share by which it is due then.
        var share: Double
    }

    /// So many turns ahead of its due an executor may have been chosen, where others could not be, before that is forgotten.
    private static let aheadMax = 4.0

    /// In the order of the latest pool's members, as far as they have had a turn.
    private var entries: [Entry] = []
    /// How far the line has come: the due of the latest turn that was taken when it was due.
    private var last = 0.0

    /// Forgets all others than these, given in the order of their places.
    mutating func keep(_ ids: [Int]) {
        entries = ids.compactMap { id in entries.first { $0.id == id } }
    }

    /// When an executor has its next turn; nil where it is new.
    ///
    /// - Parameters:
    ///   - place: where it is looked for first.
    ///   - share: above 0, and perhaps another one than the last time.
    func due(of id: Int, at place: Int, share: Double) -> Double? {
        guard let index = index(of: id, at: place) else { return nil }
        let entry = entries[index]
        let left = entry.share == share ? entry.due - last : (entry.due - last) * entry.share / share
        return last + max(left, -1 / share)
    }

    /// Adds a new executor.
    ///
    /// - Parameter phase: from 0 to 1, how much of its distance passes before its first turn.
    /// - Returns: its due.
    mutating func add(_ id: Int, at place: Int, share: Double, phase: Double) -> Double {
        let due = last + phase / share
        entries.insert(Entry(id: id, due: due, share: share), at: min(place, entries.count))
        return due
    }

    /// The executor has had the turn that was due then.
    ///
    /// - Parameter first: the first due of all that could have had it, were it not for what they run: it is before `due`
    ///   where the executor was chosen ahead of its turn.
    mutating func took(_ due: Double, of id: Int, at place: Int, share: Double, first: Double) {
        guard let index = index(of: id, at: place) else { return }
        last = max(last, first, due - Self.aheadMax / share)
        entries[index].due = due + 1 / share
        entries[index].share = share
    }

    private func index(of id: Int, at place: Int) -> Int? {
        if place < entries.count, entries[place].id == id { return place }
        return entries.firstIndex { $0.id == id }
    }
}
