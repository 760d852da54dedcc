// A queue of TLS handshakes that wait because streams need the CPU. The queue decides which handshake continues next.

/// The waiting TLS handshakes, ordered by rank; within a rank, the clients' addresses take turns.
///
/// Handshakes that the server has already answered come first. Then come clients that resume a session and known
/// clients (rank `preferred`). After every `preferredInARow` of these, one handshake of rank `stranger` continues,
/// because any client can send bytes that look like a session resumption.
///
/// The handshakes of one address continue in order of arrival. A handshake leaves the queue when its deadline passes or
/// its client disconnects, so the queue has no clients that have given up.
package struct HandshakeQueue<Element> {
    package enum Rank: Int, CaseIterable, Sendable {
        /// The server has answered the ClientHello, so most of the handshake's CPU time has been spent.
        case begun
        /// The client offers to resume a session, or the server knows it, for example by an API key that the client has
        /// sent recently (`HandshakeClient.isKnown`).
        case preferred
        /// The client does not offer to resume a session, and the server does not know it.
        case stranger
    }

    /// How many handshakes of rank `preferred` may continue one after the other while a handshake of rank `stranger`
    /// waits.
    static var preferredInARow: Int { 4 }

    private struct Entry {
        var element: Element
        var rank: Rank
        /// The client's IPv4 address, or the /64 network of its IPv6 address; nil for a client of a unix socket.
        ///
        /// Handshakes with the same value wait in the same line, in order of arrival.
        var line: AddressGroup?
    }

    /// The largest number of handshakes that may wait; those of rank `begun` do not count.
    ///
    /// An address may add a handshake only while it has fewer waiting handshakes than there are free places. So one
    /// address alone can take half of all places. If `n` addresses take as many as they can, one place in `n + 1`
    /// remains free for other addresses.
    package var places = 16_384
    private var entries = Slab<Entry>()
    /// The waiting handshakes of each rank; the index is the raw value of the rank.
    private var ranks = Rank.allCases.map { _ in Lines() }
    /// How many handshakes of rank `preferred` have continued since the last one of rank `stranger`.
    ///
    /// Once this number has reached `preferredInARow`, a handshake of rank `stranger` is next.
    private var preferredCount = 0

    package init() {}

    package var isEmpty: Bool { entries.isEmpty }
    package var count: Int { entries.count }

    /// Adds a handshake behind the other waiting handshakes from the same address.
    ///
    /// A handshake of rank `begun` is always added. Any other handshake is refused if its address already has as many
    /// waiting handshakes as the queue has free places (`places`), or more. Handshakes of rank `begun` do not count.
    ///
    /// - Returns: the key to pass to `remove`; nil if the handshake is refused.
    package mutating func add(_ element: Element, _ rank: Rank, of address: IPAddress?) -> SlabKey? {
        let line = address.map(AddressGroup.init)
        if rank != .begun {
            let free = places - (entries.count - ranks[Rank.begun.rawValue].count)
            let own = ranks.indices.reduce(0) { $0 + ($1 == Rank.begun.rawValue ? 0 : ranks[$1].count(of: line)) }
            guard own < free else { return nil }
        }
        let key = entries.insert(Entry(element: element, rank: rank, line: line))
        ranks[rank.rawValue].append(key, to: line)
        return key
    }

    /// Removes a waiting handshake, because its connection has ended; does nothing if `next` has already returned it.
    package mutating func remove(_ key: SlabKey) {
        guard let entry = entries.remove(key) else { return }
        ranks[entry.rank.rawValue].remove(key, from: entry.line)
    }

    /// Removes the handshake whose turn it is to continue, and returns its element; nil if no handshake waits.
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

/// The waiting handshakes of one rank: a line for each client address, and the order in which the addresses take turns.
private struct Lines: Sendable {
    private var byAddress: [AddressGroup?: FIFO<SlabKey>] = [:]
    /// The addresses with waiting handshakes, each of them once.
    ///
    /// The first address is served next, and then moves to the end.
    private var turns = FIFO<AddressGroup?>()
    private(set) var count = 0

    func count(of address: AddressGroup?) -> Int { byAddress[address]?.count ?? 0 }

    mutating func append(_ key: SlabKey, to address: AddressGroup?) {
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

    mutating func remove(_ key: SlabKey, from address: AddressGroup?) {
        byAddress[address]?.remove(key)
        count -= 1
        guard byAddress[address]?.count == 0 else { return }
        byAddress[address] = nil
        turns.remove(address)
    }
}

/// A first-in, first-out queue.
///
/// `append` and `popFirst` take constant time on average, and `remove` takes linear time.
private struct FIFO<Item: Equatable & Sendable>: Sendable {
    private var items: [Item] = []
    /// How many items at the beginning of `items` are no longer in the queue, because `popFirst` has returned them.
    ///
    /// The items are deleted later, many at once, which is faster than one by one.
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
