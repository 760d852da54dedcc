// The order in which waiting requests are served: fair between tenants by the bytes of their prompts, and in order of
// arrival within a tenant.

/// A queue with one line for each tenant, served by deficit round-robin (Shreedhar and Varghese, 1995).
///
/// The deficit of a tenant is the number of prompt bytes that may be served for it. If the deficit is smaller than the
/// tenant's first prompt when the tenant has its turn, the deficit grows by the quantum. The quantum is the size of the
/// smallest prompt that is first in a line. So tenants whose prompts have equal sizes are served in turn, one request
/// each, even if one tenant has many more waiting requests. The owner of the queue guards it by a lock.
package struct FairQueue<Element> {
    /// Identifies an entry, so that it can be removed before its turn.
    package struct Ticket: Hashable, Sendable {
        fileprivate var tenant: Int
        fileprivate var sequence: Int
    }

    fileprivate struct Entry {
        /// The number of the entry in the order of arrival, counted over all tenants.
        var sequence: Int
        /// The element that waits; nil after the entry was removed.
        ///
        /// An entry without an element is a gap in the array of entries.
        var element: Element?
        var cost: Int
    }

    fileprivate struct Line {
        var name: String
        /// The entries of one tenant; the array elements before `head` are gaps, that is entries that were removed.
        ///
        /// An entry that is removed from between two others becomes a gap. The entry at `head` and the last entry are
        /// never gaps.
        var entries: [Entry] = []
        var head = 0
        /// The number of entries that were not removed, and the sum of their costs (the bytes of their prompts).
        var count = 0
        var cost = 0
        var deficit = 0

        var first: Entry? { head < entries.count ? entries[head] : nil }

        func index(of sequence: Int) -> Int? {
            let low = entries[head...].firstIndex(notBefore: { $0.sequence < sequence })
            return low < entries.count && entries[low].sequence == sequence ? low : nil
        }

        /// Removes an entry and leaves a gap, that is an entry without an element.
        ///
        /// Then moves `head` past the gaps at the beginning, and removes the gaps at the end.
        mutating func take(at index: Int) -> Element? {
            guard let element = entries[index].element else { return nil }
            entries[index].element = nil
            count -= 1
            cost -= entries[index].cost
            trim()
            return element
        }

        private mutating func trim() {
            while head < entries.count, entries[head].element == nil { head += 1 }
            while entries.count > head, entries[entries.count - 1].element == nil { entries.removeLast() }
            if entries.count - head > 2 * count + 64 {
                entries.removeAll { $0.element == nil }
                head = 0
            }
            guard head >= entries.count || head > 64 && head > entries.count / 2 else { return }
            entries.removeFirst(min(head, entries.count))
            head = 0
        }
    }

    private var lines: [Line] = []
    /// The index in `lines` of each tenant that has entries.
    private var indices: [String: Int] = [:]
    /// The indices in `lines` that no tenant uses.
    private var free: [Int] = []
    /// The tenants with entries, as indices in `lines`, in the order in which they have their turns to be served.
    private var turns: [Int] = []
    private var turn = 0
    private var sequence = 0
    /// The tenant that was served last; nil if none was.
    ///
    /// The pool also sets this property when it serves a request that did not have to wait.
    package var lastServed: String?
    /// The number of waiting entries of all tenants.
    package private(set) var count = 0

    /// Makes an empty queue.
    package init() {}

    /// Whether no entry waits.
    package var isEmpty: Bool { count == 0 }

    /// Appends an element to the line of its tenant.
    ///
    /// - Parameter cost: the size of the request's prompt in bytes; 0 counts as 1.
    package mutating func push(_ element: Element, tenant: String, cost: Int) -> Ticket {
        let index = line(of: tenant)
        if lines[index].count == 0 { join(index) }
        sequence += 1
        count += 1
        lines[index].count += 1
        lines[index].cost += max(1, cost)
        lines[index].entries.append(Entry(sequence: sequence, element: element, cost: max(1, cost)))
        return Ticket(tenant: index, sequence: sequence)
    }

    /// Removes an entry.
    ///
    /// Returns nil if the entry was already removed or served.
    @discardableResult
    package mutating func remove(_ ticket: Ticket) -> Element? {
        guard ticket.tenant < lines.count, let index = lines[ticket.tenant].index(of: ticket.sequence) else {
            return nil
        }
        return take(at: index, of: ticket.tenant)
    }

    /// Removes and returns the element that is served next; nil if the queue is empty.
    package mutating func pop() -> Element? {
        guard count > 0 else { return nil }
        let index = settle()
        guard let entry = lines[index].first else { return nil }
        lines[index].deficit -= entry.cost
        lastServed = lines[index].name
        // The next tenant gets its turn. This tenant keeps the rest of its deficit, the prompt bytes that may still be
        // served for it.
        turn = (turn + 1) % turns.count
        return take(at: lines[index].head, of: index)
    }

    /// The element that is served next, which stays in the queue; nil if the queue is empty.
    package var first: Element? {
        mutating get { count > 0 ? lines[settle()].first?.element : nil }
    }

    /// The ticket that identifies the entry that is served next; nil if the queue is empty.
    package var firstTicket: Ticket? {
        mutating get {
            guard count > 0 else { return nil }
            let index = settle()
            return lines[index].first.map { Ticket(tenant: index, sequence: $0.sequence) }
        }
    }

    /// Whether the first entry of any tenant satisfies a condition.
    ///
    /// The call does not change whose turn it is.
    func hasFirst(where isMeant: (Element) -> Bool) -> Bool {
        turns.contains { lines[$0].first?.element.map(isMeant) == true }
    }

    /// The next entry to be served whose element satisfies a condition; nil if there is none.
    ///
    /// The tenants are searched in the order of their turns, and the entries of a tenant in the order of their arrival.
    package func first(where isMeant: (Element) -> Bool) -> (element: Element, ticket: Ticket)? {
        for step in turns.indices {
            let tenant = turns[(turn + step) % turns.count]
            for entry in lines[tenant].entries[lines[tenant].head...] {
                guard let element = entry.element, isMeant(element) else { continue }
                return (element, Ticket(tenant: tenant, sequence: entry.sequence))
            }
        }
        return nil
    }

    /// Removes and returns an entry that is served, possibly before its turn; nil if it was already removed.
    ///
    /// The size of the entry's prompt is subtracted from the deficit of its tenant. So a tenant that is served before
    /// its turn waits longer for its next turn.
    package mutating func serve(_ ticket: Ticket) -> Element? {
        let tenant = ticket.tenant
        guard tenant < lines.count, let index = lines[tenant].index(of: ticket.sequence) else { return nil }
        lines[tenant].deficit -= lines[tenant].entries[index].cost
        lastServed = lines[tenant].name
        if turns[turn] == tenant { turn = (turn + 1) % turns.count }
        return take(at: index, of: tenant)
    }

    /// Gives the turn to one tenant after another, until a tenant may be served.
    ///
    /// A tenant may be served if its deficit, the number of prompt bytes allowed for it, covers its first prompt. A
    /// smaller deficit grows when the tenant has its turn.
    ///
    /// - Returns: the index in `lines` of the tenant that may be served.
    private mutating func settle() -> Int {
        let quantum = turns.compactMap { lines[$0].first?.cost }.min() ?? 1
        while true {
            let index = turns[turn]
            guard let entry = lines[index].first else { preconditionFailure("a tenant without entries has no turn") }
            if lines[index].deficit < entry.cost { lines[index].deficit += quantum }
            if lines[index].deficit >= entry.cost { return index }
            turn = (turn + 1) % turns.count
        }
    }

    /// Estimates how many entries would be served before a new entry of this tenant.
    ///
    /// This tenant's own waiting entries are served first. The estimate assumes that meanwhile the queue serves, for
    /// each other tenant, as many prompt bytes as these entries have together. For a tenant whose turn comes before
    /// this tenant's turn, the prompt bytes of the new entry (`cost`) are added.
    package func ahead(of tenant: String, cost: Int) -> Int {
        let own = indices[tenant]
        let before = own.map { lines[$0].cost } ?? 0
        var total = Double(before + max(1, cost))
        var ahead = 0
        for step in turns.indices {
            let index = turns[(turn + step) % turns.count]
            let line = lines[index]
            if index == own {
                ahead += line.count
                total = Double(before)
            } else {
                let many = (total * Double(line.count) / Double(line.cost)).rounded(.up)
                ahead += min(line.count, Int(min(many, Double(count))))
            }
        }
        return ahead
    }

    // MARK: Making room

    /// Whether `makeRoom` would remove an entry of another tenant for a new entry of this tenant.
    package func mayMakeRoom(for tenant: String) -> Bool { giver(for: tenant) != nil }

    /// Makes room for a new entry of `tenant`, by removing the latest entry of the tenant with the most entries.
    ///
    /// The tenant with the most entries must have at least two entries more than `tenant`. Otherwise the two tenants
    /// would remove each other's entries in turn. If the tenant with the most entries was the one served most
    /// recently, one entry more is enough, because it has just had its turn.
    ///
    /// - Returns: the removed entry; nil if no tenant has enough entries.
    package mutating func makeRoom(for tenant: String) -> (element: Element, ticket: Ticket)? {
        giver(for: tenant).flatMap { removeLatest(of: $0) }
    }

    /// Removes the latest entry of the tenant with the most entries; returns nil if the queue is empty.
    package mutating func removeLatest() -> (element: Element, ticket: Ticket)? {
        fullest.flatMap { removeLatest(of: $0) }
    }

    /// Removes the latest entry of the tenant at this index in `lines`.
    private mutating func removeLatest(of index: Int) -> (element: Element, ticket: Ticket)? {
        guard let last = lines[index].entries.last else { return nil }
        let ticket = Ticket(tenant: index, sequence: last.sequence)
        return take(at: lines[index].entries.count - 1, of: index).map { ($0, ticket) }
    }

    /// The index in `lines` of the tenant that would lose its latest entry to a new entry of `tenant`; nil if no tenant
    /// would.
    private func giver(for tenant: String) -> Int? {
        guard let fullest else { return nil }
        let spare = lines[fullest].count - (indices[tenant].map { lines[$0].count } ?? 0)
        let wasServedLast = lastServed.flatMap { indices[$0] } == fullest
        return spare > 1 || spare == 1 && wasServedLast ? fullest : nil
    }

    /// The index in `lines` of the tenant with the most entries; nil if the queue is empty.
    ///
    /// Several tenants may have the largest number of entries. Of these, the property names the tenant that was served
    /// last. If none of them was served last, it names the one whose turn comes last.
    private var fullest: Int? {
        let latest = lastServed.flatMap { indices[$0] }
        var fullest: Int?
        for step in turns.indices {
            let index = turns[(turn + step) % turns.count]
            let most = fullest.map { lines[$0].count } ?? 0
            if lines[index].count > most || lines[index].count == most && fullest != latest { fullest = index }
        }
        return fullest
    }

    // MARK: Lines

    private mutating func line(of tenant: String) -> Int {
        if let index = indices[tenant] { return index }
        let index = free.popLast() ?? lines.count
        if index == lines.count { lines.append(Line(name: tenant)) } else { lines[index] = Line(name: tenant) }
        indices[tenant] = index
        return index
    }

    private mutating func join(_ index: Int) {
        // A new tenant gets the last turn, after a turn of each other tenant.
        turns.insert(index, at: turns.isEmpty ? 0 : turn)
        if turns.count > 1 { turn = (turn + 1) % turns.count }
    }

    /// Removes an entry from the line of a tenant.
    ///
    /// If the line has no entries left, the tenant gets no more turns.
    ///
    /// - Parameter tenant: the index of the tenant's line in `lines`.
    private mutating func take(at index: Int, of tenant: Int) -> Element? {
        guard let element = lines[tenant].take(at: index) else { return nil }
        count -= 1
        guard lines[tenant].count == 0 else { return element }
        lines[tenant].deficit = 0
        indices[lines[tenant].name] = nil
        free.append(tenant)
        guard let passed = turns.firstIndex(of: tenant) else { return element }
        turns.remove(at: passed)
        if passed < turn { turn -= 1 }
        if turn >= turns.count { turn = 0 }
        return element
    }
}

extension FairQueue: Sendable where Element: Sendable {}
extension FairQueue.Line: Sendable where Element: Sendable {}
extension FairQueue.Entry: Sendable where Element: Sendable {}
