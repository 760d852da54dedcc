// The order in which a pool's executors get requests: in proportion to their weights, and evenly spaced for each
// executor.

/// The turns of a pool's executors, by stride scheduling (Waldspurger and Weihl, 1995).
///
/// In each turn, one executor gets one request. Turns are scheduled in a virtual time, which has no unit. An executor's
/// share is its present weight, to which its number of turns is proportional. The interval between two turns of an
/// executor is 1 divided by its share. The time of an executor's next turn is its due time.
///
/// `ExecutorPool` decides which executors suit a request best. If several suit it equally well, the one with the
/// earliest due time is chosen. An executor that was left out for long gets one turn at once, and not all the turns
/// that it missed.
struct Turns: Sendable {
    private struct Entry: Sendable {
        var id: Int
        var due: Double
        /// The executor's weight (its share) from which `due` was computed.
        var share: Double
    }

    /// The maximum time from `last` to the due time of a chosen executor, in intervals between two turns of this
    /// executor.
    ///
    /// An executor can be chosen long before its due time, if the executors that are due earlier suit the request less.
    /// `took` then advances `last`, so that this limit holds and the executor's wait for its next turn does not grow
    /// further.
    private static let aheadMax = 4.0

    /// The executors that have a due time for their next request, in the order of the members of the latest pool.
    private var entries: [Entry] = []
    /// The present virtual time, which never goes back.
    ///
    /// With each request, it advances to the earliest due time of the executors that could take the request. If the
    /// chosen executor is due much later, the time advances further, to the moment that is `aheadMax` intervals before
    /// the due time of the chosen executor. An interval is the time between two turns of this executor.
    private var last = 0.0

    /// Forgets all executors except the ones with these ids; the ids are in the order of the pool's members.
    mutating func keep(_ ids: [Int]) {
        entries = ids.compactMap { id in entries.first { $0.id == id } }
    }

    /// The virtual time at which an executor is due to get its next request; nil for a new executor.
    ///
    /// - Parameters:
    ///   - index: the index of the executor among the pool's members. The executor probably has the same index in
    ///     `entries`.
    ///   - share: the present weight of the executor, above 0. It may have changed since the last call.
    func due(of id: Int, at index: Int, share: Double) -> Double? {
        guard let index = self.index(of: id, at: index) else { return nil }
        let entry = entries[index]
        let left = entry.share == share ? entry.due - last : (entry.due - last) * entry.share / share
        return last + max(left, -1 / share)
    }

    /// Adds a new executor.
    ///
    /// - Parameter phase: the time until the executor's first request, as a fraction (0 to 1) of the interval between
    ///   two of its requests.
    /// - Returns: the virtual time at which the executor is due to get its first request.
    mutating func add(_ id: Int, at index: Int, share: Double, phase: Double) -> Double {
        let due = last + phase / share
        entries.insert(Entry(id: id, due: due, share: share), at: min(index, entries.count))
        return due
    }

    /// Records that the executor, whose due time was `due`, gets a request, and schedules its next turn.
    ///
    /// - Parameter first: the earliest due time among all executors that could take the request, even those that suit
    ///   it less. If `first` is smaller than `due`, the executor gets the request early.
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
