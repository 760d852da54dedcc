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
        var element: Element
        var cost: Int
    }

    fileprivate struct Line {
        var name: String
        /// Removed ones leave a gap.
        var entries: [Entry?] = []
        var head = 0
        /// The sequence number of `entries[0]`.
        var base = 0
        var count = 0
        var deficit = 0

        mutating func trim() {
            while head < entries.count, entries[head] == nil { head += 1 }
            guard head == entries.count || head > 64 && head > entries.count / 2 else { return }
            entries.removeFirst(head)
            base += head
            head = 0
        }
        var first: Entry? { head < entries.count ? entries[head] : nil }
    }

    private var lines: [Line] = []
    private var places: [String: Int] = [:]
    private var free: [Int] = []
    /// The tenants that have somebody waiting, in the order of their turns.
    private var turns: [Int] = []
    private var turn = 0
    package private(set) var count = 0

    package init() {}

    package var isEmpty: Bool { count == 0 }

    /// Appends at the end of the tenant's line.
    package mutating func push(_ element: Element, tenant: String, cost: Int) -> Ticket {
        let place = line(of: tenant)
        if lines[place].count == 0 { join(place) }
        count += 1
        lines[place].count += 1
        lines[place].entries.append(Entry(element: element, cost: max(1, cost)))
        return Ticket(tenant: place, sequence: lines[place].base + lines[place].entries.count - 1)
    }

    /// Takes an entry out; nil when it is there no more.
    @discardableResult
    package mutating func remove(_ ticket: Ticket) -> Element? {
        guard ticket.tenant < lines.count else { return nil }
        let index = ticket.sequence - lines[ticket.tenant].base
        guard lines[ticket.tenant].entries.indices.contains(index), index >= lines[ticket.tenant].head,
            let entry = lines[ticket.tenant].entries[index]
        else { return nil }
        lines[ticket.tenant].entries[index] = nil
        left(ticket.tenant)
        return entry.element
    }

    /// The next one, taken out.
    package mutating func pop() -> Element? {
        guard count > 0 else { return nil }
        let place = settle()
        guard let entry = lines[place].first else { return nil }
        lines[place].deficit -= entry.cost
        lines[place].entries[lines[place].head] = nil
        // One, and then the next tenant: what is left of its deficit counts the next time.
        turn = (turn + 1) % turns.count
        left(place)
        return entry.element
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
            return Ticket(tenant: place, sequence: lines[place].base + lines[place].head)
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

    /// How many would be served before one more of this tenant.
    package func ahead(of tenant: String) -> Int {
        let own = places[tenant].map { lines[$0].count } ?? 0
        return turns.reduce(0) { $0 + min(lines[$1].count, own + ($1 == places[tenant] ? 0 : 1)) }
    }

    // MARK: Lines

    private mutating func line(of tenant: String) -> Int {
        if let place = places[tenant] { return place }
        let place: Int
        if let reused = free.popLast() {
            place = reused
            // Tickets of whoever had the place before must not fit.
            let base = lines[place].base + lines[place].entries.count
            lines[place] = Line(name: tenant)
            lines[place].base = base
        } else {
            place = lines.count
            lines.append(Line(name: tenant))
        }
        places[tenant] = place
        return place
    }

    private mutating func join(_ place: Int) {
        // Behind all others: its turn comes after each of them has had one.
        turns.insert(place, at: turns.isEmpty ? 0 : turn)
        if turns.count > 1 { turn = (turn + 1) % turns.count }
    }

    /// One of the tenant's entries is gone.
    private mutating func left(_ place: Int) {
        count -= 1
        lines[place].count -= 1
        lines[place].trim()
        guard lines[place].count == 0 else { return }
        lines[place].deficit = 0
        places[lines[place].name] = nil
        free.append(place)
        guard let index = turns.firstIndex(of: place) else { return }
        turns.remove(at: index)
        if index < turn { turn -= 1 }
        if turn >= turns.count { turn = 0 }
    }
}

extension FairQueue: Sendable where Element: Sendable {}
extension FairQueue.Line: Sendable where Element: Sendable {}
extension FairQueue.Entry: Sendable where Element: Sendable {}
