// The order in which executors of unequal shares take turns: evenly interleaved, and as often as their shares say.

/// Stride scheduling (Waldspurger and Weihl, 1995), as a value.
///
/// Turns are positions on one scale of virtual time. The turns of an executor are 1 divided by its share apart, and the
/// executor whose next turn, its due, is the smallest comes next. A choice may leave out executors that cannot take a
/// request. An executor that was left out for long has one turn at once, and not all the turns that it missed.
struct Turns: Sendable {
    private struct Entry: Sendable {
        var id: Int
        var due: Double
        /// The share from which `due` was computed.
        var share: Double
    }

    /// The most early turns that count against an executor later.
    ///
    /// A turn is early if the executor is chosen before an executor with a smaller due, which has too much work.
    private static let aheadMax = 4.0

    /// The executors whose next turn is known, in the order of the latest pool's members.
    private var entries: [Entry] = []
    /// The present position on the scale: the due of the latest turn that was not early.
    private var last = 0.0

    /// Forgets all executors but these, given by their ids in the order of the pool's members.
    mutating func keep(_ ids: [Int]) {
        entries = ids.compactMap { id in entries.first { $0.id == id } }
    }

    /// The position of an executor's next turn; nil for a new executor.
    ///
    /// - Parameters:
    ///   - index: its index among the pool's members, where it probably is in `entries` too.
    ///   - share: its present share, above 0; it may have changed since the last call.
    func due(of id: Int, at index: Int, share: Double) -> Double? {
        guard let index = self.index(of: id, at: index) else { return nil }
        let entry = entries[index]
        let left = entry.share == share ? entry.due - last : (entry.due - last) * entry.share / share
        return last + max(left, -1 / share)
    }

    /// Adds a new executor.
    ///
    /// - Parameter phase: how long it waits for its first turn, from 0 to 1 times the distance between its turns.
    /// - Returns: the position of its first turn.
    mutating func add(_ id: Int, at index: Int, share: Double, phase: Double) -> Double {
        let due = last + phase / share
        entries.insert(Entry(id: id, due: due, share: share), at: min(index, entries.count))
        return due
    }

    /// Records that an executor has had the turn at `due`, and sets its next one.
    ///
    /// - Parameter first: the smallest due among the executors that could take the request, those with too much work
    ///   included. If it is smaller than `due`, the turn was early.
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
