// Who is next when not all can be: fair between tenants by the bytes of their prompts, in order within a tenant.

/// Deficit round-robin (Shreedhar and Varghese, 1995), with a quantum as small as the smallest prompt at a head: so that
/// of tenants with equal prompts each has one turn after the other, however many one of them has waiting.
package struct FairQueue<Element> {
    /// Names an entry for its removal.
    package struct Ticket: Hashable, Sendable {
        fileprivate var tenant: Int
        fileprivate var sequence: Int
    }

    fileprivate struct Entry {
        /// Of all entries of the queue, in the order in which they came.
        var sequence: Int
        /// Nil where it was removed: a gap.
        var element: Element?
        var cost: Int
    }

    fileprivate struct Line {
        var name: String
        /// From `head` on; neither the first nor the last of them is a gap.
        var entries: [Entry] = []
        var head = 0
        /// How many entries are no gaps, and what they cost together.
        var count = 0
        var cost = 0
        var deficit = 0

        var first: Entry? { head < entries.count ? entries[head] : nil }

        func index(of sequence: Int) -> Int? {
            let low = entries[head...].firstIndex(notBefore: { $0.sequence < sequence })
            return low < entries.count && entries[low].sequence == sequence ? low : nil
        }

        /// Takes an entry out; its place is a gap, until it is trimmed.
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
            if entries.count - head > 2 * count + 64 { entries.removeAll { $0.element == nil } }
            guard head >= entries.count || head > 64 && head > entries.count / 2 else { return }
            entries.removeFirst(min(head, entries.count))
            head = 0
        }
    }

    private var lines: [Line] = []
    private var places: [String: Int] = [:]
    private var free: [Int] = []
    /// The tenants that have somebody waiting, in the order of their turns.
    private var turns: [Int] = []
    private var turn = 0
    private var sequence = 0
    /// The tenant that was served last, whether or not it had to wait.
    package var lastServed: String?
    package private(set) var count = 0

    package init() {}

    package var isEmpty: Bool { count == 0 }

    /// Appends at the end of the tenant's line.
    package mutating func push(_ element: Element, tenant: String, cost: Int) -> Ticket {
        let place = line(of: tenant)
        if lines[place].count == 0 { join(place) }
        sequence += 1
        count += 1
        lines[place].count += 1
        lines[place].cost += max(1, cost)
        lines[place].entries.append(Entry(sequence: sequence, element: element, cost: max(1, cost)))
        return Ticket(tenant: place, sequence: sequence)
    }

    /// Takes an entry out; nil when it is there no more.
    @discardableResult
    package mutating func remove(_ ticket: Ticket) -> Element? {
        guard ticket.tenant < lines.count, let index = lines[ticket.tenant].index(of: ticket.sequence) else {
            return nil
        }
        return take(at: index, of: ticket.tenant)
    }

    /// The next one, taken out.
    package mutating func pop() -> Element? {
        guard count > 0 else { return nil }
        let place = settle()
        guard let entry = lines[place].first else { return nil }
        lines[place].deficit -= entry.cost
        lastServed = lines[place].name
        // One, and then the next tenant: what is left of its deficit counts the next time.
        turn = (turn + 1) % turns.count
        return take(at: lines[place].head, of: place)
    }

    /// The next one, left where it is.
    package var first: Element? {
        mutating get { count > 0 ? lines[settle()].first?.element : nil }
    }

    /// The ticket of the next one.
    package var firstTicket: Ticket? {
        mutating get {
            guard count > 0 else { return nil }
            let place = settle()
            return lines[place].first.map { Ticket(tenant: place, sequence: $0.sequence) }
        }
    }

    /// Goes round until a tenant may serve its first entry.
    ///
    /// - Returns: the tenant.
    private mutating func settle() -> Int {
        let quantum = turns.compactMap { lines[$0].first?.cost }.min() ?? 1
        while true {
            let place = turns[turn]
            guard let entry = lines[place].first else { preconditionFailure("a tenant without entries has no turn") }
            if lines[place].deficit < entry.cost { lines[place].deficit += quantum }
            if lines[place].deficit >= entry.cost { return place }
            turn = (turn + 1) % turns.count
        }
    }

    /// How many would be served before one more of this tenant, which costs so much: its own, and of each other tenant as
    /// many as come to the same cost, as far as it has them; without the last round of those whose turn comes after its own.
    package func ahead(of tenant: String, cost: Int) -> Int {
        let own = places[tenant]
        let before = own.map { lines[$0].cost } ?? 0
        var total = Double(before + max(1, cost))
        var ahead = 0
        for step in turns.indices {
            let place = turns[(turn + step) % turns.count]
            let line = lines[place]
            if place == own {
                ahead += line.count
                total = Double(before)
            } else {
                let many = (total * Double(line.count) / Double(line.cost)).rounded(.up)
                ahead += min(line.count, Int(min(many, Double(count))))
            }
        }
        return ahead
    }

    // MARK: Room

    /// Whether room for one more of this tenant may be made of another's.
    package func mayMakeRoom(for tenant: String) -> Bool { giver(for: tenant) != nil }

    /// Takes out the latest entry of the tenant that has the most, for one more of this tenant.
    ///
    /// - Returns: nil where nobody has so many that it would still have as many as this tenant then has; but of two that
    ///   would only change places the one that was served last gives way.
    package mutating func makeRoom(for tenant: String) -> (element: Element, ticket: Ticket)? {
        guard let place = giver(for: tenant), let last = lines[place].entries.last else { return nil }
        let ticket = Ticket(tenant: place, sequence: last.sequence)
        return take(at: lines[place].entries.count - 1, of: place).map { ($0, ticket) }
    }

    /// The tenant that gives way to one more of this one; of several that have as many the one that was served last, or else
    /// the one whose turn is last.
    private func giver(for tenant: String) -> Int? {
        let latest = lastServed.flatMap { places[$0] }
        var fullest: Int?
        for step in turns.indices {
            let place = turns[(turn + step) % turns.count]
            let most = fullest.map { lines[$0].count } ?? 0
            if lines[place].count > most || lines[place].count == most && fullest != latest { fullest = place }
        }
        let own = places[tenant].map { lines[$0].count } ?? 0
        guard let fullest else { return nil }
        let spare = lines[fullest].count - own
        return spare > 1 || spare == 1 && fullest == latest ? fullest : nil
    }

    // MARK: Lines

    private mutating func line(of tenant: String) -> Int {
        if let place = places[tenant] { return place }
        let place = free.popLast() ?? lines.count
        if place == lines.count { lines.append(Line(name: tenant)) } else { lines[place] = Line(name: tenant) }
        places[tenant] = place
        return place
    }

    private mutating func join(_ place: Int) {
        // Behind all others: its turn comes after each of them has had one.
        turns.insert(place, at: turns.isEmpty ? 0 : turn)
        if turns.count > 1 { turn = (turn + 1) % turns.count }
    }

    /// Takes an entry out of a tenant's line.
    private mutating func take(at index: Int, of place: Int) -> Element? {
        guard let element = lines[place].take(at: index) else { return nil }
        count -= 1
        guard lines[place].count == 0 else { return element }
        lines[place].deficit = 0
        places[lines[place].name] = nil
        free.append(place)
        guard let index = turns.firstIndex(of: place) else { return element }
        turns.remove(at: index)
        if index < turn { turn -= 1 }
        if turn >= turns.count { turn = 0 }
        return element
    }
}

extension FairQueue: Sendable where Element: Sendable {}
extension FairQueue.Line: Sendable where Element: Sendable {}
extension FairQueue.Entry: Sendable where Element: Sendable {}
