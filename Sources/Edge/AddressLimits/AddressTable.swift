// The table of client addresses, which all workers share. Its counts decide whether a client's connections and requests
// are granted or refused.
internal import Configuration
internal import Synchronization
internal import Transport

/// Counts the connections, requests and body bytes of each client address, for `limits.per_address`.
///
/// Any thread may use the table. It is used at the beginning and end of a connection, when a TLS handshake waits or
/// ends, and at the head and end of a request. It is also used for each 64 KiB of a body, for a request without a valid
/// key, and for a request that its client gives up before the answer begins. It is not used for each token that is
/// relayed. The number of entries is fixed, so a flood of addresses cannot make the table grow. The entries are divided
/// into shards, each with its own lock.
///
/// In a full shard, a few entries are examined for one that a new address may replace. The new address gets no entry if
/// the clients of all examined entries have connections or requests. Its own connections and requests are then granted
/// and not counted, because a refusal would shut out every new client. Limits per address do not help against so many
/// addresses, but `max_connections` and `memory_limit` do.
final class AddressTable: Sendable {
    /// How many addresses and networks the table can count, in all shards together.
    static let capacity = 65_536

    private let shards: [Lock<AddressShard>]
    private let uncounted = Atomic<Int>(0)
    /// The latest time until which the requests of any address or network are refused, because its clients gave up too
    /// many requests; 0 if there was no such refusal.
    ///
    /// This value is read without a lock at each request. The entry of the request's own address is looked up only if
    /// the time is in the future.
    private let resetsRefusedUntil = Atomic<Nanoseconds>(0)

    /// - Parameters:
    ///   - capacity: for tests, how many entries the table has.
    ///   - shards: for tests, how many shards the table has.
    init(capacity: Int = AddressTable.capacity, shards count: Int = 64) {
        shards = (0..<count).map { _ in Lock(AddressShard(capacity: max(1, capacity / count))) }
    }

    /// How many addresses and networks have an entry; an entry is removed only when another address replaces it.
    var count: Int { shards.reduce(0) { $0 + $1.withLock { $0.entries.count } } }
    /// How many connections, requests and body bytes of an address are counted now; nil if the table has no entry for
    /// the address.
    func held(by address: SocketAddress) -> AddressHoldings? {
        guard let group = AddressGroup(address) else { return nil }
        return shards[shard(of: group)].withLock { $0.entry(of: group)?.held }
    }
    /// How often a connection or a request was granted without being counted, because no entry could be replaced.
    var uncountedClaims: Int { uncounted.load(ordering: .relaxed) }

    /// Counts a use of the server, such as one more connection or request, and returns the object that later subtracts
    /// it.
    ///
    /// - Returns: nil if the use is granted but not counted, because `address` is a unix socket or the table is full.
    func hold(
        _ claim: AddressClaim,
        for address: SocketAddress,
        limits: AddressLimits,
        at now: Nanoseconds
    ) throws(AddressRefusal) -> AddressHold? {
        guard let group = AddressGroup(address) else { return nil }
        guard let places = try take(claim, for: group, limits: limits, at: now) else { return nil }
        return AddressHold(table: self, claim: claim, places: places)
    }

    /// Counts a request without a valid key.
    func countUnknownKey(
        of address: SocketAddress,
        limits: AddressLimits,
        at now: Nanoseconds
    ) throws(AddressRefusal) {
        guard let group = AddressGroup(address) else { return }
        _ = try take(.unknownKey, for: group, limits: limits, at: now)
    }

    /// Whether a client of the address has lately sent a request with a valid key, or was served by an executor.
    ///
    /// A worker calls this for a client whose TLS handshake has to wait at the `HandshakeGate`. The result is true
    /// for `AddressEntry.knownPeriod` after `noteKnown`, unless another address has replaced the entry of this address.
    /// The result is false for a unix socket.
    func isKnown(_ address: SocketAddress, at now: Nanoseconds) -> Bool {
        guard let group = AddressGroup(address) else { return false }
        return shards[shard(of: group)].withLock { $0.entry(of: group)?.isKnown(at: now) ?? false }
    }

    /// Records that a client of the address has sent a request with a valid key, or was served by an executor.
    func noteKnown(_ address: SocketAddress, at now: Nanoseconds) {
        guard let group = AddressGroup(address) else { return }
        shards[shard(of: group)].withLock { shard in
            guard let index = shard.index(of: group, at: now) else { return }
            shard.with(index) { $0.noteKnown(at: now) }
        }
    }

    // MARK: Requests that clients give up

    /// Counts a request that its client gave up before the answer began (`limits.prefill_resets`).
    ///
    /// - Parameter most: how many such requests one address may have in a minute.
    /// - Returns: the address or the network around it, if its requests are refused from now on and the operator has to
    ///   be warned of that; otherwise nil.
    func countReset(of address: SocketAddress, most: Int, at now: Nanoseconds) -> AddressGroup? {
        guard let group = AddressGroup(address) else { return nil }
        let own = countReset(of: group, most: most, at: now)
        let around = group.around.flatMap { network in
            countReset(of: network, most: most * AddressEntry.scaleOfNetwork48, at: now)
        }
        return own ?? around
    }

    private func countReset(of group: AddressGroup, most: Int, at now: Nanoseconds) -> AddressGroup? {
        let (refusedUntil, isNews) = shards[shard(of: group)].withLock { shard -> (Nanoseconds, Bool) in
            guard let index = shard.index(of: group, at: now) else { return (0, false) }
            return shard.with(index) { entry in
                let isNews = entry.countReset(of: most, at: now)
                return (entry.resetsRefusedUntil, isNews)
            }
        }
        resetsRefusedUntil.max(refusedUntil, ordering: .relaxed)
        return isNews ? group : nil
    }

    /// How long the address's requests are still refused, because its clients gave up too many requests.
    ///
    /// The result is in nanoseconds, and 0 if the requests are not refused.
    ///
    /// The function takes a lock only while the requests of some address are refused.
    func resetWait(of address: SocketAddress, at now: Nanoseconds) -> Nanoseconds {
        guard resetsRefusedUntil.load(ordering: .relaxed) > now, let group = AddressGroup(address) else { return 0 }
        let until = max(resetsRefusedUntil(of: group), group.around.map { resetsRefusedUntil(of: $0) } ?? 0)
        return until > now ? until - now : 0
    }

    private func resetsRefusedUntil(of group: AddressGroup) -> Nanoseconds {
        shards[shard(of: group)].withLock { $0.entry(of: group)?.resetsRefusedUntil ?? 0 }
    }

    // MARK: Claims

    /// Counts a further use by a connection or request that is counted already, such as more bytes of its body.
    ///
    /// - Parameter places: the entries in which the connection or request was counted first.
    func grow(
        _ claim: AddressClaim,
        at places: AddressPlaces,
        limits: AddressLimits,
        now: Nanoseconds
    ) throws(AddressRefusal) {
        if let own = places.own, let refusal = take(claim, at: own, limits: limits, now) { throw refusal }
        guard let around = places.around, let refusal = take(claim, at: around, limits: limits, now) else { return }
        if let own = places.own { with(own) { $0.undo(claim, of: $0.group) } }
        throw refusal
    }

    private func take(
        _ claim: AddressClaim,
        at place: AddressPlace,
        limits: AddressLimits,
        _ now: Nanoseconds
    ) -> AddressRefusal? {
        with(place) { $0.take(claim, limits: limits, scale: place.scale, at: now) }
    }

    /// Subtracts `holdings`, which a connection or request has used and has now given back, from the entries in which
    /// it was counted.
    func release(_ holdings: AddressHoldings, at places: AddressPlaces) {
        if let own = places.own { with(own) { $0.release(holdings) } }
        if let around = places.around { with(around) { $0.release(holdings) } }
    }

    private func with<R: Sendable>(_ place: AddressPlace, _ body: (inout AddressEntry) -> R) -> R {
        shards[place.shard].withLock { $0.with(place.index, body) }
    }

    private func shard(of group: AddressGroup) -> Int { Int(UInt(bitPattern: group.hashValue) >> 32) % shards.count }

    /// Counts a use, such as one more request, against the limits of an address or network, and of the IPv6 /48 around
    /// it.
    ///
    /// - Returns: nil if the use is granted but counted nowhere, because the table is full.
    private func take(
        _ claim: AddressClaim,
        for group: AddressGroup,
        limits: AddressLimits,
        at now: Nanoseconds
    ) throws(AddressRefusal) -> AddressPlaces? {
        let own = try take(claim, for: group, limits: limits, scale: 1, at: now)
        var around: AddressPlace?
        if let network = group.around {
            do throws(AddressRefusal) {
                around = try take(claim, for: network, limits: limits, scale: AddressEntry.scaleOfNetwork48, at: now)
            } catch {
                if let own { with(own) { $0.undo(claim, of: group) } }
                throw error
            }
        }
        return own == nil && around == nil ? nil : AddressPlaces(own: own, around: around)
    }

    private func take(
        _ claim: AddressClaim,
        for group: AddressGroup,
        limits: AddressLimits,
        scale: Int,
        at now: Nanoseconds
    ) throws(AddressRefusal) -> AddressPlace? {
        let shard = shard(of: group)
        let (index, refusal) = shards[shard].withLock { state -> (Int?, AddressRefusal?) in
            guard let index = state.index(of: group, at: now) else { return (nil, nil) }
            return (index, state.with(index) { $0.take(claim, limits: limits, scale: scale, at: now) })
        }
        if let refusal { throw refusal }
        guard let index else {
            uncounted.wrappingAdd(1, ordering: .relaxed)
            return nil
        }
        return AddressPlace(shard: shard, index: index, scale: scale)
    }
}
