// The order in which TLS handshakes that have to wait go on.

/// Handshakes that wait, with turns between the addresses of their clients.
///
/// Handshakes under way go on first. Then come resumptions and known clients, and after every `preferredInARow` of them
/// one stranger, because anybody can send bytes that look like a resumption. Within a rank, each address has turns, and
/// the handshakes of one address go on in the order in which they came: who waits long is refused by its deadline, and
/// who has left is removed at once, so that the oldest one is never in vain.
package struct HandshakeQueue<Element> {
    package enum Rank: Int, CaseIterable, Sendable {
        /// The server has answered the ClientHello, so most of the work is done.
        case begun
        /// The client offers to resume a session, or is known.
        case preferred
        case stranger
    }

    /// How many preferred handshakes may go on one after the other while a stranger waits.
    static var preferredInARow: Int { 4 }

    private struct Entry {
        var element: Element
        var rank: Rank
        var line: IPAddress
    }

    /// The most handshakes that wait, apart from those under way.
    ///
    /// One address may take as many places as it leaves free: half of them if it is alone, and with `n` greedy addresses
    /// one in `n + 1` stays free. So a client at another address finds a place, whatever others take.
    package var places = 16_384
    private var entries = Slab<Entry>()
    /// By the raw value of the rank.
    private var ranks = Rank.allCases.map { _ in Lines() }
    /// How many preferred handshakes have gone on since a stranger has.
    private var preferredCount = 0

    package init() {}

    package var isEmpty: Bool { entries.isEmpty }
    package var count: Int { entries.count }

    /// The addresses that share turns and places with this one: itself, or the /64 of an IPv6 address.
    ///
    /// Nil, for a unix socket, is an address of its own.
    private static func line(of address: IPAddress?) -> IPAddress {
        guard let address else { return IPAddress(high: 0, low: 0) }
        return address.isIPv4 ? address : address.prefix(64)
    }

    /// Adds a handshake at the end of the line of its address.
    ///
    /// - Returns: the key for `remove`; nil if there is no place for it.
    package mutating func add(_ element: Element, _ rank: Rank, of address: IPAddress?) -> SlabKey? {
        let line = Self.line(of: address)
        if rank != .begun {
            let free = places - (entries.count - ranks[Rank.begun.rawValue].count)
            let own = ranks.indices.reduce(0) { $0 + ($1 == Rank.begun.rawValue ? 0 : ranks[$1].count(of: line)) }
            guard own < free else { return nil }
        }
        let key = entries.insert(Entry(element: element, rank: rank, line: line))
        ranks[rank.rawValue].append(key, to: line)
        return key
    }

    /// Removes a handshake whose connection has ended; does nothing if the handshake has gone on.
    package mutating func remove(_ key: SlabKey) {
        guard let entry = entries.remove(key) else { return }
        ranks[entry.rank.rawValue].remove(key, from: entry.line)
    }

    /// Removes the handshake that goes on next, and returns it; nil if none waits.
    package mutating func next() -> Element? {
        guard let rank = nextRank, let key = ranks[rank.rawValue].popFirst() else { return nil }
        switch rank {
        case .begun: break
        case .preferred: preferredCount += 1
        case .stranger: preferredCount = 0
        }
        return entries.remove(key)?.element
    }

    private var nextRank: Rank? {
        if waits(.begun) { return .begun }
        if waits(.stranger), preferredCount >= Self.preferredInARow { return .stranger }
        return waits(.preferred) ? .preferred : waits(.stranger) ? .stranger : nil
    }

    private func waits(_ rank: Rank) -> Bool { ranks[rank.rawValue].count > 0 }
}

/// The handshakes of one rank: a line for each address, and the order in which the addresses have their turns.
private struct Lines: Sendable {
    private var byAddress: [IPAddress: FIFO<SlabKey>] = [:]
    /// Each address that has a line, once.
    private var turns = FIFO<IPAddress>()
    private(set) var count = 0

    func count(of address: IPAddress) -> Int { byAddress[address]?.count ?? 0 }

    mutating func append(_ key: SlabKey, to address: IPAddress) {
        if byAddress[address] == nil { turns.append(address) }
        byAddress[address, default: FIFO()].append(key)
        count += 1
    }

    mutating func popFirst() -> SlabKey? {
        guard let address = turns.popFirst(), let key = byAddress[address]?.popFirst() else { return nil }
        count -= 1
        if byAddress[address]?.count == 0 { byAddress[address] = nil } else { turns.append(address) }
        return key
    }

    mutating func remove(_ key: SlabKey, from address: IPAddress) {
        byAddress[address]?.remove(key)
        count -= 1
        guard byAddress[address]?.count == 0 else { return }
        byAddress[address] = nil
        turns.remove(address)
    }
}

/// First in, first out, in amortized constant time; `remove` takes linear time.
private struct FIFO<Item: Equatable & Sendable>: Sendable {
    private var items: [Item] = []
    /// How many of `items` have been taken.
    private var taken = 0

    var count: Int { items.count - taken }

    mutating func append(_ item: Item) { items.append(item) }

    mutating func popFirst() -> Item? {
        guard taken < items.count else { return nil }
        let item = items[taken]
        taken += 1
        if taken * 2 >= items.count {
            items.removeFirst(taken)
            taken = 0
        }
        return item
    }

    mutating func remove(_ item: Item) {
        guard let index = items[taken...].firstIndex(of: item) else { return }
        items.remove(at: index)
    }
}
